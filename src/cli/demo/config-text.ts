/** The configuration that the demo runs trunkd on: a real file, to be read, changed and reloaded. */
import type { Provider } from './provider.ts';
import { CONTRACT, DOMAIN, USERS } from './users.ts';

/** `httpPort`: where the API shall listen on loopback. */
export function configText(provider: Provider, httpPort: number): string {
  const servers = provider.servers.map(
    ({ name, sip }) => `      - { name: ${name}, sipProxy: "${sip.hostPort}", transport: udp }\n`,
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
