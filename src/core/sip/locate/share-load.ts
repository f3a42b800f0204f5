/**
 * In which order the targets of a hop are tried this time: ranks as they stand, inside a rank one server
 * after the other is drawn by weight (RFC 2782, `Weight`; RFC 3263 section 4.2), and the addresses of a
 * server follow each other. Pure; chance comes in.
 */
import type { Random } from '../../base/random.ts';
import type { Target } from './target.ts';

interface Server<T> {
  readonly weight: number;
  readonly targets: T[];
}

/** `targets` as the locator gave them; the same array where there is nothing to draw. */
export function drawOrder<T extends Target>(targets: readonly T[], random: Random): readonly T[] {
  if (!hasChoice(targets)) return targets;
  const order: T[] = [];
  let start = 0;
  while (start < targets.length) {
    const rank = targets[start]?.standing?.rank;
    let end = start + 1;
    while (rank !== undefined && targets[end]?.standing?.rank === rank) end += 1;
    order.push(...drawInRank(targets.slice(start, end), random));
    start = end;
  }
  return order;
}

/** Two servers of the same rank stand beside each other. */
function hasChoice(targets: readonly Target[]): boolean {
  for (let index = 1; index < targets.length; index += 1) {
    const a = targets[index - 1]?.standing;
    const b = targets[index]?.standing;
    if (a !== b && a?.rank === b?.rank) return true;
  }
  return false;
}

/** RFC 2782: those of weight 0 stand first, so that they have a very small chance only. */
function drawInRank<T extends Target>(targets: readonly T[], random: Random): readonly T[] {
  const servers = serversOf(targets).toSorted((a, b) => Math.sign(a.weight) - Math.sign(b.weight));
  const order: T[] = [];
  while (servers.length > 0) {
    const [server] = servers.splice(drawOne(servers, random), 1);
    order.push(...(server?.targets ?? []));
  }
  return order;
}

function drawOne(servers: readonly Server<Target>[], random: Random): number {
  const sum = servers.reduce((total, { weight }) => total + weight, 0);
  // Where no weight is given, all have the same chance.
  if (sum === 0) return Math.floor(random.fraction() * servers.length);
  const drawn = Math.floor(random.fraction() * (sum + 1));
  let running = 0;
  for (const [index, { weight }] of servers.entries()) {
    running += weight;
    if (running >= drawn) return index;
  }
  return servers.length - 1;
}

function serversOf<T extends Target>(targets: readonly T[]): Server<T>[] {
  const servers = new Map<Target['standing'], Server<T>>();
  for (const target of targets) {
    const known = servers.get(target.standing);
    if (known !== undefined) known.targets.push(target);
    else servers.set(target.standing, { weight: target.standing?.weight ?? 0, targets: [target] });
  }
  return [...servers.values()];
}
