/**
 * In which order the servers of one rank are tried for one call (`balance`). Pure: chance, the turn and
 * the hash come in.
 *
 *   weighted, hash   each draws a number u in (0, 1) and stands at -ln(u) / weight, the least first: the
 *                    first one is server i with the chance weight(i) / sum, and so on for the rest. For
 *                    `hash` u is made of the key and the server's id, so that a key stays at its server
 *                    when another one goes (weighted rendezvous hashing)
 *   roundRobin       each call begins one further
 *   inOrder          as configured
 */
import { hash32 } from '../base/stable-token.ts';

export interface Weighted {
  readonly id: string;
  /** 0: after all that have one. */
  readonly weight: number;
}

/** By chance and weight; `fraction` is uniform in [0, 1). */
export function drawByWeight<T extends Weighted>(
  servers: readonly T[],
  fraction: () => number,
): readonly T[] {
  return servers.length < 2 ? servers : byStanding(servers, () => 1 - fraction());
}

/** By key: the same order for the same key and servers. */
export function orderByKey<T extends Weighted>(servers: readonly T[], key: string): readonly T[] {
  if (servers.length < 2) return servers;
  return byStanding(servers, ({ id }) => (hash32(`${id} ${key}`, SEED) + 1) / 2 ** 32);
}

/** The turn-th first. */
export function rotate<T>(servers: readonly T[], turn: number): readonly T[] {
  if (servers.length < 2) return servers;
  const first = turn % servers.length;
  return first === 0 ? servers : [...servers.slice(first), ...servers.slice(0, first)];
}

/** `draw` gives a number in (0, 1]. */
function byStanding<T extends Weighted>(
  servers: readonly T[],
  draw: (server: T) => number,
): readonly T[] {
  return servers
    .map((server) => {
      const luck = -Math.log(draw(server));
      const { weight } = server;
      // Those without weight come last, in an order of their own.
      return { server, isLast: weight <= 0, at: weight > 0 ? luck / weight : luck };
    })
    .sort((a, b) => Number(a.isLast) - Number(b.isLast) || a.at - b.at)
    .map(({ server }) => server);
}

const SEED = 0x51ed270b;
