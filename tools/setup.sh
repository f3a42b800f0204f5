#!/bin/sh
# Makes node_modules match the lockfile; quick when it does already. It is the one step that has to run
# on the host's own Node (20 or newer), because it brings the Node that everything after it runs on.
set -eu
cd "$(dirname "$0")/.."

if [ node_modules/.package-lock.json -nt package-lock.json ] && [ -x node_modules/.bin/node ]; then
  exit 0
fi
echo "Installing what package-lock.json names ..."
# Warnings about the host's older Node are not for the reader: nothing but this step runs on it.
# A host that is set to production, or to omit things, still needs the tools and the pinned Node.
npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error
