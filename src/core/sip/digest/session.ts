/**
 * The credentials of one registration or peer server, and the nonces that its servers gave it: knows
 * how to answer a challenge, and answers the next request ahead of it. One for each registration,
 * so it is kept small. RFC 3261 section 22, RFC 7616, RFC 8760.
 *
 * Never Basic. One credential a realm: a 401 has its own, and each proxy that sends 407 has one.
 */

import type { Random } from '../../base/random.ts';
import { unescapeQuoted } from '../message/characters.ts';
import type { SipMessage } from '../message/message.ts';
import { detached, toWire } from '../message/wire-text.ts';
import { parseAuthParams } from './auth-params.ts';
import { type Challenge, challengesOf } from './challenge.ts';
import { ha1Of } from './compute.ts';
import { type ChallengeField, type ChallengeForm, formOf, Grant, sharedForm } from './grant.ts';
import type { Credentials, Hasher } from './ports.ts';

export type ChallengeVerdict =
  /** The nonce is adopted: `authorize` answers the challenge. */
  | {
      readonly kind: 'ready';
      /** The server says that only the nonce was too old, not the credentials wrong. */
      readonly stale: boolean;
      /** False: the same nonce came again; its count goes on. */
      readonly newNonce: boolean;
      readonly realm: string;
      /** The realm of before, when the server now proposes another. */
      readonly realmChanged: string | undefined;
    }
  /** The credentials name a realm, and it is not this one. */
  | { readonly kind: 'realm'; readonly offered: string; readonly expected: string }
  | { readonly kind: 'unusable'; readonly reason: string };

export class DigestSession {
  readonly #credentials: Credentials;
  readonly #hasher: Hasher;
  readonly #random: Random;
  /** Nearly always the only one, so it needs no list. */
  #first: Grant | undefined;
  /** Only where several realms challenge us. */
  #others: readonly Grant[] = NONE;

  constructor(credentials: Credentials, hasher: Hasher, random: Random) {
    this.#credentials = credentials;
    this.#hasher = hasher;
    this.#random = random;
  }

  get hasNonce(): boolean {
    return this.#first !== undefined;
  }

  /** The algorithm of the nonce in use, as the server wrote it (`MD5` when it wrote none). */
  get algorithm(): string | undefined {
    const form = this.#first?.form;
    return form === undefined ? undefined : (form.token ?? 'MD5');
  }

  /**
   * Authorization and Proxy-Authorization lines, each with its line end, for one request; empty when
   * no challenge is known. To be called once for each request, not for its resends.
   */
  authorize(method: string, uri: string, body: string): string {
    const { username } = this.#credentials;
    const account = { username, cnonce: () => this.#random.hex(CNONCE_DIGITS) };
    const request = { method, uri, body };
    let lines = this.#first?.line(request, account, this.#hasher) ?? '';
    for (const grant of this.#others) lines += grant.line(request, account, this.#hasher);
    return lines;
  }

  /** Takes the challenges of a 401 or 407: for each realm the strongest that we can answer, ties first. */
  accept(response: SipMessage): ChallengeVerdict {
    const field = response.status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate';
    const offers = this.#offersOf(response, field);
    const own = offers.filter((offer) => this.#isOwnRealm(offer.form.realm));
    const chosen = own[0];
    if (chosen === undefined) return this.#refusal(response, field, offers);
    const grants = this.#grants();
    const former = grants.find((grant) => grant.form.field === field);
    const kept = grants.find((grant) => isSameRealm(grant.form, chosen.form));
    const isNew = kept?.nonce !== chosen.nonce;
    this.#adopt(own, field);
    // Another proxy may have its own realm; one registrar has one.
    const isChanged = field === 'WWW-Authenticate' && kept === undefined && former !== undefined;
    return {
      kind: 'ready',
      stale: chosen.stale,
      newNonce: isNew,
      realm: chosen.form.realm,
      realmChanged: isChanged ? former.form.realm : undefined,
    };
  }

  /** Takes the Authentication-Info of a 2xx: a new nonce, and the server's proof. RFC 7616 section 3.5. */
  succeeded(response: SipMessage): 'ok' | 'rspauthMismatch' {
    const grant = this.#first;
    let verdict: 'ok' | 'rspauthMismatch' = 'ok';
    const info = grant === undefined ? undefined : response.first('Authentication-Info');
    if (grant !== undefined && info !== undefined) {
      const params = parseAuthParams(info, 1)[0]?.params;
      const proof = params?.get('rspauth');
      if (proof !== undefined) {
        const expected = grant.expectedProof(response.body, this.#hasher);
        if (expected !== undefined && proof.toLowerCase() !== expected) verdict = 'rspauthMismatch';
      }
      const next = params?.get('nextnonce');
      if (next !== undefined && next !== '' && next !== grant.nonce) grant.adopt(next);
    }
    grant?.settle();
    for (const other of this.#others) other.settle();
    return verdict;
  }

  /** Drops all nonces: the next request goes without credentials. */
  forget(): void {
    this.#first = undefined;
    this.#others = NONE;
  }

  #grants(): readonly Grant[] {
    return this.#first === undefined ? NONE : [this.#first, ...this.#others];
  }

  #offersOf(response: SipMessage, field: ChallengeField): Offer[] {
    const strongest: Offer[] = [];
    for (const challenge of challengesOf(response, field)) {
      const offer = this.#offerOf(challenge, field);
      if (offer === undefined) continue;
      const index = strongest.findIndex((other) => isSameRealm(other.form, offer.form));
      const rival = strongest[index];
      if (rival === undefined) strongest.push(offer);
      else if (offer.form.algorithm.strength > rival.form.algorithm.strength) {
        strongest[index] = offer;
      }
    }
    return strongest;
  }

  /** Undefined when it cannot be answered with what we have. */
  #offerOf(challenge: Challenge, field: ChallengeField): Offer | undefined {
    const form = formOf(challenge, field);
    if (form === undefined || challenge.nonce === undefined) return undefined;
    const { ha1 } = this.#credentials;
    // A hash of the password serves its own algorithm only.
    if (ha1 !== undefined && HASH_OF_DIGITS.get(ha1.reveal().length) !== form.algorithm.hash) {
      return undefined;
    }
    return { form, nonce: challenge.nonce, stale: challenge.stale };
  }

  #isOwnRealm(realm: string): boolean {
    const expected = this.#credentials.realm;
    if (expected === undefined) return true;
    const wire = toWire(expected);
    return realm === wire || unescapeQuoted(realm) === wire;
  }

  /** A registrar's realms replace those it had; those of proxies add up, as they sit in a row. */
  #adopt(offers: readonly Offer[], field: ChallengeField): void {
    const former = this.#grants();
    const fresh = offers.slice(0, MOST_REALMS).map((offer) => {
      const kept = former.find((grant) => isSameRealm(grant.form, offer.form));
      return kept === undefined ? this.#newGrant(offer) : this.#renewed(kept, offer);
    });
    const isServer = (grant: Grant) => grant.form.field === 'WWW-Authenticate';
    const proxies = former.filter((grant) => !isServer(grant) && !fresh.includes(grant));
    const [first, ...others] =
      field === 'WWW-Authenticate'
        ? [...fresh, ...proxies]
        : [...former.filter(isServer), ...[...proxies, ...fresh].slice(-MOST_REALMS)];
    this.#first = first;
    this.#others = others.length === 0 ? NONE : others;
  }

  #newGrant({ form, nonce }: Offer): Grant {
    const shared = sharedForm(form);
    return new Grant(shared, nonce, this.#ha1For(shared));
  }

  #renewed(grant: Grant, { form, nonce }: Offer): Grant {
    const isSameKey = grant.form.algorithm.hash === form.algorithm.hash;
    const shared = isSameForm(grant.form, form) ? grant.form : sharedForm(form);
    grant.renew(shared, nonce, isSameKey ? grant.ha1 : this.#ha1For(shared));
    return grant;
  }

  #ha1For({ realm, algorithm }: ChallengeForm): string {
    const { username, password, ha1 } = this.#credentials;
    if (ha1 !== undefined) return ha1.reveal().toLowerCase();
    const account = { username, realm, password: password?.reveal() ?? '' };
    return ha1Of(account, algorithm.hash, this.#hasher);
  }

  #refusal(
    response: SipMessage,
    field: ChallengeField,
    offers: readonly Offer[],
  ): ChallengeVerdict {
    const offered = offers[0]?.form.realm;
    const expected = this.#credentials.realm;
    if (offered !== undefined && expected !== undefined) {
      return { kind: 'realm', offered: detached(offered), expected };
    }
    return { kind: 'unusable', reason: whyUnusable(challengesOf(response, field), field) };
  }
}

/** A challenge that we can answer. */
interface Offer {
  readonly form: ChallengeForm;
  readonly nonce: string;
  readonly stale: boolean;
}

function isSameRealm(a: ChallengeForm, b: ChallengeForm): boolean {
  return a.field === b.field && a.realm === b.realm;
}

function isSameForm(a: ChallengeForm, b: ChallengeForm): boolean {
  return isSameRealm(a, b) && a.token === b.token && a.qop === b.qop && a.opaque === b.opaque;
}

function whyUnusable(challenges: readonly Challenge[], field: ChallengeField): string {
  const digests = challenges.filter((challenge) => challenge.scheme === 'digest');
  if (challenges.length === 0) return `the response holds no ${field} header field`;
  if (digests.length === 0) return `only the scheme ${challenges[0]?.scheme ?? ''} is offered`;
  const isWhole = digests.some(({ realm, nonce }) => realm !== undefined && nonce !== undefined);
  if (!isWhole) return 'the challenge has no realm or no nonce';
  const algorithms = digests.map(({ algorithm, qop }) => `${algorithm ?? 'MD5'} ${qop.join(',')}`);
  return `no algorithm or qop that these credentials can serve: ${algorithms.join('; ').trim()}`;
}

const NONE: readonly Grant[] = [];
/** 24 hexadecimal digits: 96 bits. */
const CNONCE_DIGITS = 24;
/** For registrars, and again for proxies. */
const MOST_REALMS = 4;
const HASH_OF_DIGITS: ReadonlyMap<number, string> = new Map([
  [32, 'md5'],
  [64, 'sha256'],
]);
