/** Registrations that peer servers require have to exist; they may stand anywhere in the configuration. */
import type { ContractSpec, PeerServerSpec } from '../core/health/spec.ts';
import type { RegistrationSpec } from '../core/registration/spec.ts';
import type { ItemPlaces } from './load-contract.ts';
import { isMap } from './merge-sources.ts';
import { quoted } from './parse-yaml.ts';
import type { Reporter } from './reporter.ts';

/** More names of registrations with problems are not kept: who has so many looks at those first. */
const MAX_UNSOUND = 1_000;

/** Registrations that have problems of their own: nobody shall be told besides that they are missing. */
export class UnsoundRegistrations {
  readonly #ids = new Set<string>();
  #isFull = false;

  add(raw: unknown): void {
    this.#isFull ||= this.#ids.size >= MAX_UNSOUND || !isMap(raw);
    if (this.#isFull || !isMap(raw)) return;
    const { id, username, domain } = raw;
    this.#ids.add(typeof id === 'string' ? id : `${String(username)}@${String(domain)}`);
  }

  has(id: string): boolean {
    return this.#isFull || this.#ids.has(id);
  }
}

export function checkRequires(
  contracts: readonly ContractSpec[],
  there: {
    readonly registrations: readonly RegistrationSpec[];
    readonly unsound: UnsoundRegistrations;
  },
  places: ItemPlaces,
  reporter: Reporter,
): void {
  const servers = contracts.flatMap(({ peerServers }) => peerServers);
  if (servers.every((one) => namesOf(one).length === 0)) return;
  const known = new Set(there.registrations.map(({ id }) => id));
  for (const server of servers) {
    const path = places.peerServers.get(server.id);
    if (path === undefined) continue;
    for (const { at, wanted } of namesOf(server)) {
      if (known.has(wanted) || there.unsound.has(wanted)) continue;
      const text = `there is no registration ${quoted(wanted)}`;
      reporter.report(path, [{ path: at, text }]);
    }
  }
}

/** The registrations that a server names, and where. */
function namesOf({ requires, probeThrough }: PeerServerSpec) {
  const names = (requires?.registrations ?? []).map((wanted) => {
    return { at: ['requires', 'registrations'], wanted };
  });
  if (probeThrough !== undefined) names.push({ at: ['probe', 'through'], wanted: probeThrough });
  return names;
}
