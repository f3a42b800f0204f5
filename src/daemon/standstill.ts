/**
 * After a time in which the process did not run: everybody who counts on the world outside is told, those
 * first who have something to lose. See RunningClock for how it is noticed.
 */
import { fault } from '../core/base/fault.ts';

/** After so long the other sides of connections, and what lies between, may have forgotten them. */
const FORGOTTEN_MS = 30_000;

const UNTRUSTED = fault(
  'process.stoodStill',
  'local',
  'trunkd did not run for a while; its connections may be dead, and new ones are made.',
);

/** Who has to be told. */
export interface Resumable {
  readonly keeper: { stoodStill(ms: number): void };
  readonly prober: { stoodStill(ms: number): void };
  readonly stack: { readonly flowKeeper: { stoodStill(): void } };
  readonly lookups: { aged(ms: number): void };
  readonly transport: { closeAll(reason: typeof UNTRUSTED): void };
}

export function resume(parts: Resumable, standstillMs: number): void {
  const { keeper, prober, stack, lookups, transport } = parts;
  lookups.aged(standstillMs);
  keeper.stoodStill(standstillMs);
  prober.stoodStill(standstillMs);
  if (standstillMs < FORGOTTEN_MS) return;
  stack.flowKeeper.stoodStill();
  transport.closeAll(UNTRUSTED);
}
