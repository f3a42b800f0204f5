/** What a proxy of ours means for the registrations behind it: they wait while it is silent, and come back in order. */
import type { Machinist } from './machinist.ts';

/** It fell silent or answers again; `isRestarted`: its connections to others are gone. */
export function followProxy(machinist: Machinist, proxy: string, isRestarted: boolean): void {
  for (const gate of machinist.attempts.behind(proxy)) {
    if (isRestarted) machinist.carrierLost(gate, true);
    gate.proxyChanged();
  }
}

/**
 * It lost its connection to a target (`tcp:192.0.2.1:5060`): what was bound over it is bound again.
 * Returns how many registrations that are.
 */
export function loseConnection(machinist: Machinist, proxy: string, target: string): number {
  const key = `${proxy}>${target}`;
  const gate = machinist.attempts.behind(proxy).find((one) => one.key === key);
  return gate === undefined ? 0 : machinist.carrierLost(gate, false);
}
