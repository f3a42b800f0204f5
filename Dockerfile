# syntax=docker/dockerfile:1
# Run it with the network of the host, or the ports that providers see are not ours:
#   docker run --network host --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v /etc/trunkd:/etc/trunkd:ro trunkd
# Secrets come as files (--secret, -v), never through ENV or ARG.

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --include=dev --include=optional --no-audit --no-fund
COPY . .
RUN npm run build
# What the program needs at run time, and nothing else: the image has its own Node.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /build/package.json /usr/lib/trunkd/package.json
COPY --from=build /build/bin /usr/lib/trunkd/bin
COPY --from=build /build/node_modules /usr/lib/trunkd/node_modules
COPY --from=build /build/dist /usr/lib/trunkd/dist
RUN ln -s /usr/lib/trunkd/bin/trunkd /usr/bin/trunkd \
  && install --directory --owner=65532 --group=65532 --mode=0700 /var/lib/trunkd
USER 65532:65532
WORKDIR /var/lib/trunkd
ENV TRUNKD_LIVEZ=http://127.0.0.1:9077/livez
# Alive means that the event loop turns. It does not mean that providers answer: nobody should restart
# trunkd because a provider is down.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.TRUNKD_LIVEZ).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/trunkd"]
CMD ["run", "--config", "/etc/trunkd/trunkd.yaml"]
