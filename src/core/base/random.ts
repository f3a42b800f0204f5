/** The port for chance: real entropy in the daemon, a seeded generator in simulations. */
export interface Random {
  /** Uniform in [0, 1). For jitter and choice; not for secrets. */
  fraction(): number;
  /** Lower-case hexadecimal digits, four bits each, unguessable in the daemon. */
  hex(digits: number): string;
}

/** A value drawn uniformly from [low, high). */
export function between(random: Random, low: number, high: number): number {
  return low + random.fraction() * (high - low);
}
