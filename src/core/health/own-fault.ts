/**
 * Is it us? When much fails at once, our own network is a better guess than so many servers (design.md 5,
 * reliability 3.7, features P25). Pure: what the keeper (freezer.ts) saw of the targets goes in, whether to
 * freeze comes out.
 *
 *              much fails at once, no witness         enough answer again, or a witness
 *   +------+ ---------------------------------> +--------+ ---------------------------> +------+
 *   | calm |          local evidence            | frozen |                              | calm |
 *   +------+ <--------------------------------- +--------+ -- freezeMax -> spent: as calm, but it
 *                                                             does not freeze again before that is over
 *
 * A witness is an answer of a registrar. Without the minima of `ownFault` a row of failures is believed:
 * a single contract may go to none, and its `onAllDown` decides.
 */
import type { OwnFaultSpec } from './spec.ts';

/** One target that was asked in the window, and what came of it. */
export interface Sighting {
  /** IP address. */
  readonly address: string;
  /** The contracts that have it. */
  readonly contracts: readonly string[];
  readonly hasFailed: boolean;
}

/** True when so many of the targets failed, in so many contracts, that it is hardly their fault. */
export function isSuspicious(
  sightings: readonly Sighting[],
  { maxDownShare, minTargets, minContracts }: OwnFaultSpec,
): boolean {
  const failed = sightings.filter(({ hasFailed }) => hasFailed);
  if (failed.length < minTargets) return false;
  if (failed.length / sightings.length <= maxDownShare) return false;
  const addresses = new Set(failed.map(({ address }) => address));
  const contracts = new Set(failed.flatMap((one) => one.contracts));
  return addresses.size >= minTargets && contracts.size >= minContracts;
}
