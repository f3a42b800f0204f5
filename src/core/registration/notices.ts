/** What an operator should know of an answer that changes no state; each is told once, not at each refresh. */
import type { Cause } from '../base/cause.ts';
import type { Listing } from './binding.ts';
import { cause } from './causes.ts';
import { type Entry, TRAIT, targetName, turnsOn } from './entry.ts';
import { readable, type Verdict } from './outcome.ts';

const NONE: readonly Cause[] = [];

export function noticesOf(entry: Entry, verdict: Verdict, askedSec: number): readonly Cause[] {
  switch (verdict.kind) {
    case 'bound':
      return noticesOfGrant(entry, verdict, askedSec);
    case 'minExpires': {
      const text = `${targetName(entry)} wants an expiry of at least ${verdict.minExpiresSec} s instead of ${askedSec} s.`;
      const next = 'Asked for from now on; set `expires` to it to save a request at each start.';
      return [cause('registration.minExpiresAdopted', 'peer', next, text)];
    }
    case 'newCallId':
      return [cause('registration.callIdRenewed', 'peer', 'Tried at once; nothing to do.')];
    case 'withoutOutbound': {
      const text = `${targetName(entry)} answered 439: its first hop cannot do outbound (RFC 5626).`;
      const next = 'Registered without it; offered again after a day. Nothing to do.';
      return [cause('registration.withoutOutbound', 'peer', next, text)];
    }
    default:
      return NONE;
  }
}

function noticesOfGrant(
  entry: Entry,
  { match, grantedSec, listing }: Extract<Verdict, { kind: 'bound' }>,
  askedSec: number,
): readonly Cause[] {
  const isShort = grantedSec < askedSec / 2;
  const hasOthers = entry.spec.profile.onForeign !== 'ignore' && (listing?.otherCount ?? 0) > 0;
  const isMissing = (listing?.missing.length ?? 0) > 0;
  const news = [
    turnsOn(entry, TRAIT.toldRewritten, match === 'rewritten') ? rewritten(entry) : undefined,
    turnsOn(entry, TRAIT.toldShortest, match === 'shortest') ? ambiguous(entry) : undefined,
    turnsOn(entry, TRAIT.toldShortGrant, isShort) ? short(entry, grantedSec, askedSec) : undefined,
    turnsOn(entry, TRAIT.toldOthers, hasOthers) ? others(entry, listing) : undefined,
    turnsOn(entry, TRAIT.toldMissing, isMissing) ? missing(entry, listing) : undefined,
  ];
  const told = news.filter((why) => why !== undefined);
  return told.length === 0 ? NONE : told;
}

function rewritten(entry: Entry): Cause {
  const text = `${targetName(entry)} lists our Contact under another address than the one that we registered.`;
  const next = 'Taken as ours; if calls do not arrive, check NAT and `contact`.';
  return cause('registration.contactRewritten', 'peer', next, text);
}

function ambiguous(entry: Entry): Cause {
  const next =
    'Refreshed by the shortest expiry of them; ask the provider who else registers this account.';
  const text = `${targetName(entry)} lists several Contacts, and none of them is ours.`;
  return cause('registration.contactAmbiguous', 'peer', next, text);
}

function short(entry: Entry, grantedSec: number, askedSec: number): Cause {
  const text = `${targetName(entry)} grants ${grantedSec} s of the ${askedSec} s that we ask for.`;
  const next = 'Refreshed accordingly; nothing to do.';
  return cause('registration.shortGrant', 'peer', next, text);
}

function others(entry: Entry, listing: Listing | undefined): Cause {
  const count = listing?.otherCount ?? 0;
  const stale = listing?.others.filter(({ isStale }) => isStale).length ?? 0;
  const first = readable(listing?.others[0]?.uri ?? '');
  const bindings = count === 1 ? 'one more binding' : `${count} more bindings`;
  const kind = stale === 0 ? '' : `, ${stale} of them with our user`;
  const text = `${targetName(entry)} holds ${bindings} of this account${kind}: ${first}${count > 1 ? ' ...' : ''}.`;
  const isRemoved = stale > 0 && entry.spec.profile.onForeign === 'removeOwnStale';
  const next = isRemoved
    ? 'Those with our user are removed now; nothing to do.'
    : 'Left alone; see `onForeign`, and ask who else registers this account.';
  return cause('registration.otherBindings', 'peer', next, text);
}

function missing(entry: Entry, listing: Listing | undefined): Cause {
  const uris = (listing?.missing ?? []).map(readable).join(', ');
  const text = `${targetName(entry)} does not hold every Contact that we registered: ${uris} is missing.`;
  const next = 'Registered again with each refresh; ask the provider how many Contacts it allows.';
  return cause('registration.contactMissing', 'peer', next, text);
}
