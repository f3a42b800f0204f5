/** SIP proxies of our own (`proxies`), through which requests travel where `via` names one. */
import type { ProxySpec } from '../core/sip/proxy/ports.ts';
import { familyOf, parseHostPort, parseProtocolAddress, printHostPort } from './address.ts';
import { quoted } from './parse-yaml.ts';
import { type Complaint, under } from './problem.ts';
import type { ProxySettings } from './schema.ts';
import type { WayPlanner } from './way.ts';

/** The specs of what is configured; what is wrong with it goes into `complaints`. */
export function toProxies(
  settings: readonly ProxySettings[],
  ways: WayPlanner,
  userAgent: string,
  complaints: Complaint[],
): readonly ProxySpec[] {
  const specs = new Map<string, ProxySpec>();
  for (const [index, one] of settings.entries()) {
    const path = ['proxies', index];
    if (specs.has(one.name)) {
      const text = `the name ${quoted(one.name)} is taken by another proxy`;
      complaints.push({ path: [...path, 'name'], text });
    }
    const address = parseProtocolAddress(one.address);
    const contact = parseHostPort(one.contact);
    if (typeof address === 'string' || typeof contact === 'string') continue;
    const { host, port, kind, protocol } = address;
    const own: Complaint[] = [];
    const localSocket = ways.socketFor(one.localSocket, protocol, familyOf(kind), own);
    complaints.push(...under(path, own));
    specs.set(one.name, {
      name: one.name,
      hop: { host, port, protocol, secure: false },
      contact: printHostPort(contact),
      localSocket,
      tls: ways.tls(one.tls ?? {}, host),
      userAgent,
    });
  }
  return [...specs.values()];
}
