/** What a registration says of itself in its Contact (RFC 5626 section 4.2), with this request and the last. */
import type { Instant } from '../base/instant.ts';
import { type Entry, hasTrait, setTrait, TRAIT } from './entry.ts';
import { legNumber } from './legs.ts';
import { type Host, instanceOf, isOffered, type OutboundOffer } from './outbound.ts';

/** With the last request; undefined: outbound was not offered. */
export function lastOffer(entry: Entry, host: Host): OutboundOffer | undefined {
  return hasTrait(entry, TRAIT.offersOutbound)
    ? { instance: instanceOf(entry.spec, host), regId: legNumber(entry.spec) }
    : undefined;
}

/** With the next one; a removal names what was bound. */
export function nextOffer(entry: Entry, host: Host, now: Instant): OutboundOffer | undefined {
  const { spec, registrar, state } = entry;
  if (state.name !== 'unregistering') {
    const offers = isOffered(spec.profile.outbound, registrar.noOutboundUntil, now);
    setTrait(entry, TRAIT.offersOutbound, offers);
  }
  return lastOffer(entry, host);
}
