/** When a list file may be loaded (again): what is refused is not asked for all the time, and weights come in steps. */
import { after, elapsedMs, type Instant } from '../core/base/instant.ts';
import type { Destination } from './destinations.ts';
import { membersText } from './dispatcher-members.ts';

/** A list that Kamailio does not take as it is, is not loaded again and again. */
const RELOAD_AGAIN_MS = 300_000;
/**
 * Between two reloads for weights alone. A slow start has ten steps, and each reload makes Kamailio forget what its
 * script knows and how long its pings took.
 */
const WEIGHT_GAP_MS = 20_000;

export class ReloadPace {
  #last: { readonly members: string; readonly at: Instant } | undefined;

  /** Nobody knows what the proxy has loaded. */
  forget(): void {
    this.#last = undefined;
  }

  loaded(destinations: readonly Destination[], now: Instant): void {
    this.#last = { members: membersText(destinations), at: now };
  }

  mayLoad(destinations: readonly Destination[], now: Instant): boolean {
    if (this.#last?.members !== membersText(destinations)) return true;
    return elapsedMs(this.#last.at, now) > RELOAD_AGAIN_MS;
  }

  /** How long other weights have to wait, in milliseconds; none at all where that is not positive. */
  untilWeightsMs(now: Instant): number {
    return this.#last === undefined ? 0 : elapsedMs(now, after(this.#last.at, WEIGHT_GAP_MS));
  }
}
