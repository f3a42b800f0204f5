/** The configuration that the demo runs trunkd on: a real file, to be read, changed and reloaded. */
import { CONTRACT, DOMAIN, USERS } from './users.ts';

/** Where the parts of the provider listen. */
interface Places {
  readonly registrar: { readonly hostPort: string };
  readonly servers: readonly {
    readonly name: string;
    readonly sip: { readonly hostPort: string };
  }[];
}

/** `httpPort`: where the API shall listen on loopback. */
export function configText(provider: Places, httpPort: number): string {
  // One of them fails every minute, and has to be seen to come back each time.
  const servers = provider.servers.map(
    ({ name, sip }) =>
      `      - { name: ${name}, sipProxy: "${sip.hostPort}", transport: udp, flapDamping: false }\n`,
  );
  const registrations = USERS.map(
    ({ username, password }) =>
      `      - { username: "${username}", ddi: "${username}", auth: { password: "${password}" } }\n`,
  );
  return `# The configuration of the demo. Change it, then reload it with kill -HUP.
version: 1
http: { bind: "127.0.0.1:${httpPort}" }

peeringContracts:
  - name: ${CONTRACT}
    description: The provider of the demo
    defaults:
      registration:
        domain: ${DOMAIN}
        registrar: "sip:${provider.registrar.hostPort};transport=udp"
        contact: self
        expires: 60
      probe: { interval: 5s, timeout: 2s }
    peerServers:
${servers.join('')}    registrations:
${registrations.join('')}`;
}
