/**
 * The challenges of one answer that we can serve, and which of them is taken for each realm: one
 * algorithm a realm, by policy (RFC 8760 section 2.4; RFC 3261 section 22.3). Pure.
 */
import { unescapeQuoted } from '../message/characters.ts';
import type { SipMessage } from '../message/message.ts';
import { toWire } from '../message/wire-text.ts';
import { algorithmOf, type DigestPolicy } from './algorithm.ts';
import { type Challenge, challengesOf } from './challenge.ts';
import { type ChallengeField, type ChallengeForm, formOf } from './grant.ts';
import type { Credentials, HashName } from './ports.ts';

/** A challenge that we can answer. */
export interface Offer {
  readonly form: ChallengeForm;
  readonly nonce: string;
  readonly stale: boolean;
}

/** In the order of the server; of any realm. */
export function offersOf(
  response: SipMessage,
  field: ChallengeField,
  credentials: Credentials,
  policy: DigestPolicy,
): readonly Offer[] {
  const only = ha1HashOf(credentials);
  return challengesOf(response, field).flatMap((challenge) => {
    const form = formOf(challenge, field);
    if (form === undefined || challenge.nonce === undefined) return [];
    const { hash } = form.algorithm;
    // A hash of the password serves its own algorithm only.
    if ((only !== undefined && only !== hash) || !policy.hashes.includes(hash)) return [];
    return [{ form, nonce: challenge.nonce, stale: challenge.stale }];
  });
}

/** One offer for each realm, realms in the order of the server. `without`: hashes that are passed over if others are there. */
export function chosenOf(
  offers: readonly Offer[],
  policy: DigestPolicy,
  without: (form: ChallengeForm) => boolean,
): readonly Offer[] {
  const chosen: Offer[] = [];
  for (const offer of offers) {
    const index = chosen.findIndex((other) => isSameRealm(other.form, offer.form));
    const rival = chosen[index];
    if (rival === undefined) chosen.push(offer);
    else if (goesBefore(offer, rival, policy, without)) chosen[index] = offer;
  }
  return chosen;
}

/** Among equals the first one stays. */
function goesBefore(
  offer: Offer,
  rival: Offer,
  policy: DigestPolicy,
  without: (form: ChallengeForm) => boolean,
): boolean {
  const isOut = without(offer.form);
  if (isOut !== without(rival.form)) return !isOut;
  if (policy.order === 'server') return false;
  const rank = (one: Offer): number => policy.hashes.indexOf(one.form.algorithm.hash);
  return rank(offer) < rank(rival);
}

/** The algorithm that the configured hash of the password is for; undefined with a password. */
function ha1HashOf({ ha1, ha1Hash }: Credentials): HashName | undefined {
  if (ha1 === undefined) return undefined;
  return ha1Hash ?? HASH_OF_DIGITS.get(ha1.reveal().length);
}

/** The pinned realms; undefined: any will do. */
export function pinnedRealms({ realm }: Credentials): readonly string[] | undefined {
  return typeof realm === 'string' ? [realm] : realm;
}

/** `realm` is as received; what is pinned is readable text. */
export function isPinned(realm: string, pinned: readonly string[] | undefined): boolean {
  if (pinned === undefined) return true;
  return pinned.some((expected) => {
    const wire = toWire(expected);
    return realm === wire || unescapeQuoted(realm) === wire;
  });
}

export function isSameRealm(a: ChallengeForm, b: ChallengeForm): boolean {
  return a.field === b.field && a.realm === b.realm;
}

export function isSameForm(a: ChallengeForm, b: ChallengeForm): boolean {
  return isSameRealm(a, b) && a.token === b.token && a.qop === b.qop && a.opaque === b.opaque;
}

/** Why none of the challenges in that field can be answered, for people; text of the peer inside. */
export function whyUnusable(
  response: SipMessage,
  field: ChallengeField,
  { hashes }: DigestPolicy,
): string {
  const challenges = challengesOf(response, field);
  const digests = challenges.filter((challenge) => challenge.scheme === 'digest');
  if (challenges.length === 0) return `the response holds no ${field} header field`;
  if (digests.length === 0) return `only the scheme ${challenges[0]?.scheme ?? ''} is offered`;
  const isWhole = digests.some(({ realm, nonce }) => realm !== undefined && nonce !== undefined);
  if (!isWhole) return 'the challenge has no realm or no nonce';
  const isKnown = digests.some((challenge) => isForbidden(challenge, hashes));
  const why = isKnown
    ? 'the configuration does not allow what is offered'
    : 'no algorithm or qop that these credentials can serve';
  const algorithms = digests.map(({ algorithm, qop }) => `${algorithm ?? 'MD5'} ${qop.join(',')}`);
  return `${why}: ${algorithms.join('; ').trim()}`;
}

function isForbidden({ algorithm }: Challenge, hashes: readonly HashName[]): boolean {
  const known = algorithmOf(algorithm);
  return known !== undefined && !hashes.includes(known.hash);
}

const HASH_OF_DIGITS: ReadonlyMap<number, HashName> = new Map([
  [32, 'md5'],
  [64, 'sha256'],
]);
