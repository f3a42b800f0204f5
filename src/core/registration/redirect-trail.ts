/**
 * How far one registration has followed redirections, and where its binding is now. Only those that
 * were redirected have one (Rare).
 */
import { after, type Instant } from '../base/instant.ts';
import type { DigestSession } from '../sip/digest/session.ts';
import type { Entry } from './entry.ts';
import type { Place } from './redirect.ts';

/** Places that are tried in one cycle. */
const MOST_FOLLOWED = 3;

/** A place with the nonces that it gave: they are of no use elsewhere. */
export interface Stop {
  readonly place: Place;
  session: DigestSession | undefined;
}

export class RedirectTrail {
  /** What is tried now, in this cycle. */
  #current: Stop | undefined;
  /** Where the binding was made last; undefined: at the configured registrar. */
  #bound: Stop | undefined;
  /** Until then the place of the binding is asked without a detour. */
  #validUntil: Instant | undefined;
  /** The place that an operator was told of last. */
  told: string | undefined;
  #rest: readonly Place[] = [];
  #tried: string[] = [];

  /** Where the next request goes; undefined: to the configured registrar. */
  stop(isRemoval: boolean, now: Instant): Stop | undefined {
    if (isRemoval) return this.#bound ?? this.#current;
    if (this.#current !== undefined) return this.#current;
    return this.#validUntil !== undefined && now < this.#validUntil ? this.#bound : undefined;
  }

  /** A redirection: its places are tried first. True when there is one to try. */
  follow(places: readonly Place[]): boolean {
    this.#rest = [...places, ...this.#rest];
    return this.next();
  }

  /** The place failed: the next one is tried. False when there is none, or it would be one too many. */
  next(): boolean {
    while (this.#rest.length > 0 && this.#tried.length < MOST_FOLLOWED) {
      const [place, ...rest] = this.#rest;
      this.#rest = rest;
      if (place === undefined || this.#tried.includes(place.requestUri)) continue;
      this.#tried.push(place.requestUri);
      const isBoundThere = this.#bound?.place.requestUri === place.requestUri;
      this.#current = { place, session: isBoundThere ? this.#bound?.session : undefined };
      return true;
    }
    return false;
  }

  /** True while a redirection is being followed. */
  get isUnderWay(): boolean {
    return this.#current !== undefined;
  }

  bound(now: Instant): void {
    const stop = this.stop(false, now);
    const isNew = stop !== this.#bound;
    this.#bound = stop;
    if (stop === undefined) this.#validUntil = undefined;
    else if (isNew) this.#validUntil = after(now, stop.place.validSec * 1000);
    this.#endCycle();
  }

  /** The cycle failed: the next one begins where the configuration says. */
  failed(): void {
    this.#validUntil = undefined;
    this.#endCycle();
  }

  #endCycle(): void {
    this.#current = undefined;
    this.#rest = [];
    this.#tried = [];
  }
}

/** Where a redirection led it; undefined: its registrar is asked as configured. */
export function stopOf({ rare, spec, state }: Entry, now: Instant): Stop | undefined {
  if (rare?.trail === undefined || spec.profile.redirects === undefined) return undefined;
  return rare.trail.stop(state.name === 'unregistering', now);
}
