/**
 * The credentials of one registration or peer server, and the nonces that its servers gave it: knows
 * how to answer a challenge, and answers the next request ahead of it. One for each registration,
 * so it is kept small. RFC 3261 section 22, RFC 7616, RFC 8760.
 *
 * Never Basic. One credential a realm: a 401 has its own, and each proxy that sends 407 has one.
 */

import type { Random } from '../../base/random.ts';
import type { SipMessage } from '../message/message.ts';
import { detached } from '../message/wire-text.ts';
import { type DigestPolicy, nameOfStrength, STRONGEST_FIRST } from './algorithm.ts';
import { ha1Of } from './compute.ts';
import { type ChallengeField, type ChallengeForm, Grant, sharedForm } from './grant.ts';
import {
  chosenOf,
  isPinned,
  isSameForm,
  isSameRealm,
  type Offer,
  offersOf,
  pinnedRealms,
  whyUnusable,
} from './offers.ts';
import { NO_PAST, type PastNonces, remembered, usesOf } from './past-nonces.ts';
import type { Credentials, Hasher } from './ports.ts';
import { hasWrongProof, nextNonceOf, serverInfoOf } from './server-proof.ts';

export type ChallengeVerdict =
  /** The nonce is adopted: `authorize` answers the challenge. */
  | {
      readonly kind: 'ready';
      /** The server says that only the nonce was too old, not the credentials wrong. */
      readonly stale: boolean;
      /** False: the same nonce came again; its count goes on. */
      readonly newNonce: boolean;
      /** One more server on the way asks: the request carried nothing for it. */
      readonly isFurther: boolean;
      /** What was refused is not tried again, but another algorithm that the same answer offers. */
      readonly isFallback: boolean;
      readonly realm: string;
    }
  /** The credentials name a realm, and it is not this one. */
  | { readonly kind: 'realm'; readonly offered: string; readonly expected: string }
  /** Weaker than what the same server accepted before, and the configuration forbids that. */
  | { readonly kind: 'downgrade'; readonly offered: string; readonly proven: string }
  | { readonly kind: 'unusable'; readonly reason: string };

/** What a request had with it when it was answered. */
export type Carried = 'nothing' | 'cachedNonce' | 'freshNonce';

/** What an operator should hear of; realms and algorithms as the server wrote them. */
export type AuthNews =
  /** The registrar asks for another realm than before. */
  | { readonly kind: 'realmChanged'; readonly from: string; readonly to: string }
  /** The server offers nothing as strong as what it accepted before. */
  | { readonly kind: 'weakerOffer'; readonly offered: string; readonly proven: string }
  /** The server offers an algorithm that it refuses, and accepts a weaker one. */
  | { readonly kind: 'fellBack'; readonly from: string; readonly to: string }
  /** `rspauth` is not what a server computes that knows the password. */
  | { readonly kind: 'wrongProof'; readonly realm: string };

export class DigestSession {
  readonly #credentials: Credentials;
  readonly #policy: DigestPolicy;
  readonly #hasher: Hasher;
  readonly #random: Random;
  /** Nearly always the only one, so it needs no list. */
  #first: Grant | undefined;
  /** Only where several realms challenge us. */
  #others: readonly Grant[] = NO_GRANTS;
  #past: PastNonces = NO_PAST;
  /** The greatest strength that was accepted: of the registrar, and (shifted) of proxies. */
  #proven = 0;
  /** Strength of what the server offers and refuses; 0: nothing. Something else is used as long as this stands. */
  #avoided = 0;
  /** Cached nonces that were refused in a row. */
  #refusedAhead = 0;

  constructor(
    credentials: Credentials,
    hasher: Hasher,
    random: Random,
    policy: DigestPolicy = STRONGEST_FIRST,
  ) {
    this.#credentials = credentials;
    this.#policy = policy;
    this.#hasher = hasher;
    this.#random = random;
  }

  /** True when the next request carries credentials. */
  get hasNonce(): boolean {
    return this.#first?.isArmed === true || this.#others.some(({ isArmed }) => isArmed);
  }

  /** The algorithm of the nonce in use, as the server wrote it (`MD5` when it wrote none). */
  get algorithm(): string | undefined {
    const form = this.#first?.form;
    return form === undefined ? undefined : tokenOf(form);
  }

  /**
   * An exchange begins: true when its first request carries credentials for nonces of before.
   * Where those were refused twice in a row, they are not sent any more until the server asks: some
   * servers count each refusal as a failed login (features A7).
   */
  begin(): boolean {
    if (this.#refusedAhead >= MOST_REFUSED_AHEAD) this.#disarm();
    this.#first?.settle();
    for (const other of this.#others) other.settle();
    return this.hasNonce;
  }

  /**
   * Authorization and Proxy-Authorization lines, each with its line end, for one request; empty when
   * no challenge is known. To be called once for each request, not for its resends.
   */
  authorize(method: string, uri: string, body: string): string {
    const first = this.#first;
    if (first === undefined) return '';
    const { username } = this.#credentials;
    const account = { username, cnonce: () => this.#random.hex(CNONCE_DIGITS) };
    const request = { method, uri, body };
    let lines = first.isArmed ? first.line(request, account, this.#hasher) : '';
    for (const grant of this.#others) {
      if (grant.isArmed) lines += grant.line(request, account, this.#hasher);
    }
    return lines;
  }

  /**
   * Takes the challenges of a 401 or 407: for each realm the one that the policy prefers. `carried`
   * says what the refused request had with it; after a fresh nonce that was not stale another
   * algorithm is taken where one is offered, since that one was refused (decision 12).
   */
  accept(
    response: SipMessage,
    carried: Carried = 'nothing',
    tell: (news: AuthNews) => void = () => {},
  ): ChallengeVerdict {
    if (carried === 'cachedNonce') this.#refusedAhead += 1;
    const field = response.status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate';
    const chosen = this.#chosen(response, field, carried === 'freshNonce');
    const [offer] = chosen;
    if (offer === undefined) return this.#refusal(response, field);
    // RFC 3261 section 22.3: a forking proxy gathers the challenges of all branches, of both fields.
    const more = this.#chosen(response, otherField(field), false);
    const weaker = [...chosen, ...more].find(({ form }) => this.#isWeaker(form));
    if (weaker !== undefined) {
      const proven = nameOfStrength(this.#provenOf(weaker.form.field));
      const news = { offered: tokenOf(weaker.form), proven };
      if (this.#policy.isPinned) return { kind: 'downgrade', ...news };
      tell({ kind: 'weakerOffer', ...news });
    }
    const verdict = this.#verdictOn(offer, carried, tell);
    this.#adopt(chosen, field);
    if (more.length > 0) this.#adopt(more, otherField(field));
    return verdict;
  }

  /** Takes a 2xx: a new nonce, and the server's proof (RFC 7616 section 3.5, RFC 7615). */
  succeeded(
    response: SipMessage,
    carried: Carried = 'nothing',
    tell: (news: AuthNews) => void = () => {},
  ): void {
    const first = this.#first;
    if (first === undefined) return;
    if (carried === 'cachedNonce') this.#refusedAhead = 0;
    this.#learn(first, tell);
    for (const other of this.#others) this.#learn(other, tell);
    this.#takeInfo(response, 'Authentication-Info', tell);
    this.#takeInfo(response, 'Proxy-Authentication-Info', tell);
    first.settle();
    for (const other of this.#others) other.settle();
  }

  /**
   * What was offered is wrong: the next request goes without credentials, and the next challenge is
   * answered as the policy prefers. Nonces are remembered: where one comes back, its count goes on.
   */
  refused(): void {
    this.#disarm();
    this.#avoided = 0;
  }

  #disarm(): void {
    for (const grant of this.#grants()) {
      grant.isArmed = false;
      grant.settle();
    }
  }

  #grants(): readonly Grant[] {
    return this.#first === undefined ? NO_GRANTS : [this.#first, ...this.#others];
  }

  #grantOf(form: ChallengeForm): Grant | undefined {
    return this.#grants().find((grant) => isSameRealm(grant.form, form));
  }

  #chosen(response: SipMessage, field: ChallengeField, isRefused: boolean): readonly Offer[] {
    const pinned = pinnedRealms(this.#credentials);
    const offers = offersOf(response, field, this.#credentials, this.#policy);
    const own = offers.filter(({ form }) => isPinned(form.realm, pinned));
    return chosenOf(own, this.#policy, (form) => this.#isAvoided(form, isRefused, own));
  }

  /** Refused just now for this realm, or found out before; never at the cost of what was proven. */
  #isAvoided(form: ChallengeForm, isRefused: boolean, offers: readonly Offer[]): boolean {
    const { strength } = form.algorithm;
    if (this.#policy.isPinned || this.#provenOf(form.field) >= strength) return false;
    if (this.#avoided === strength) return true;
    const grant = this.#grantOf(form);
    const isOfTheRefused = isRefused && grant?.isInFlight === true && !isStale(offers, form);
    return isOfTheRefused && grant.form.algorithm.strength === strength;
  }

  #verdictOn(
    { form, nonce, stale }: Offer,
    carried: Carried,
    tell: (news: AuthNews) => void,
  ): ChallengeVerdict {
    const grants = this.#grants();
    const kept = this.#grantOf(form);
    const isServer = form.field === 'WWW-Authenticate';
    const former = grants.find((grant) => grant.form.field === form.field);
    // Another proxy may have its own realm; one registrar has one.
    if (isServer && kept === undefined && former !== undefined) {
      tell({ kind: 'realmChanged', from: former.form.realm, to: form.realm });
    }
    const wasAsked = isServer
      ? grants.some((grant) => grant.form.field === form.field && grant.isInFlight)
      : kept?.isInFlight === true;
    const isRefusal = carried === 'freshNonce' && !stale && kept?.isInFlight === true;
    const refusedStrength = isRefusal ? kept.form.algorithm.strength : 0;
    const isFallback = isRefusal && refusedStrength !== form.algorithm.strength;
    if (isFallback) this.#avoided = refusedStrength;
    return {
      kind: 'ready',
      stale,
      newNonce: kept?.nonce !== nonce,
      isFurther: !wasAsked,
      isFallback,
      realm: form.realm,
    };
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
    this.#others = others.length === 0 ? NO_GRANTS : others;
    for (const grant of former) {
      if (grant !== first && !others.includes(grant)) this.#remember(grant);
    }
  }

  /** Its nonce is no longer in use. */
  #remember({ nonce, uses }: Grant): void {
    this.#past = remembered(this.#past, nonce, uses);
  }

  #newGrant({ form, nonce }: Offer): Grant {
    const shared = sharedForm(form);
    return new Grant(shared, nonce, this.#ha1For(shared), usesOf(this.#past, nonce));
  }

  #renewed(grant: Grant, { form, nonce }: Offer): Grant {
    const isSameKey = grant.form.algorithm.hash === form.algorithm.hash;
    const shared = isSameForm(grant.form, form) ? grant.form : sharedForm(form);
    const ha1 = isSameKey ? grant.ha1 : this.#ha1For(shared);
    const uses = usesOf(this.#past, nonce);
    if (nonce !== grant.nonce) this.#remember(grant);
    grant.renew(shared, nonce, ha1, uses);
    return grant;
  }

  #ha1For({ realm, algorithm }: ChallengeForm): string {
    const { username, password, ha1 } = this.#credentials;
    if (ha1 !== undefined) return ha1.reveal().toLowerCase();
    const account = { username, realm, password: password?.reveal() ?? '' };
    return ha1Of(account, algorithm.hash, this.#hasher);
  }

  /** What a request in flight carried was accepted. */
  #learn(grant: Grant, tell: (news: AuthNews) => void): void {
    if (!grant.isInFlight) return;
    const { field, algorithm } = grant.form;
    if (algorithm.strength > this.#provenOf(field)) {
      const isNews = this.#avoided > algorithm.strength;
      if (isNews) {
        tell({
          kind: 'fellBack',
          from: nameOfStrength(this.#avoided),
          to: tokenOf(grant.form),
        });
      }
      const shift = shiftOf(field);
      this.#proven = (this.#proven & ~(STRENGTH_MASK << shift)) | (algorithm.strength << shift);
    }
  }

  #provenOf(field: ChallengeField): number {
    return (this.#proven >> shiftOf(field)) & STRENGTH_MASK;
  }

  #isWeaker({ field, algorithm }: ChallengeForm): boolean {
    return algorithm.strength < this.#provenOf(field);
  }

  #takeInfo(
    response: SipMessage,
    name: 'Authentication-Info' | 'Proxy-Authentication-Info',
    tell: (news: AuthNews) => void,
  ): void {
    const value = response.first(name);
    if (value === undefined) return;
    const field = name === 'Authentication-Info' ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    const grants = this.#grants().filter(({ isInFlight }) => isInFlight);
    // Whoever proves himself behind a proxy's challenge alone names the field of a registrar.
    const grant = grants.find(({ form }) => form.field === field) ?? grants[0];
    if (grant === undefined) return;
    const info = serverInfoOf(value);
    if (hasWrongProof(info, response.body, grant, this.#hasher)) {
      tell({ kind: 'wrongProof', realm: grant.form.realm });
    }
    const next = nextNonceOf(info);
    if (next !== undefined && next !== grant.nonce) grant.adopt(next, usesOf(this.#past, next));
  }

  #refusal(response: SipMessage, field: ChallengeField): ChallengeVerdict {
    const offers = offersOf(response, field, this.#credentials, this.#policy);
    const offered = offers[0]?.form.realm;
    const expected = pinnedRealms(this.#credentials);
    if (offered !== undefined && expected !== undefined) {
      return { kind: 'realm', offered: detached(offered), expected: expected.join('", "') };
    }
    return { kind: 'unusable', reason: whyUnusable(response, field, this.#policy) };
  }
}

function isStale(offers: readonly Offer[], form: ChallengeForm): boolean {
  return offers.some((offer) => offer.stale && isSameRealm(offer.form, form));
}

function otherField(field: ChallengeField): ChallengeField {
  return field === 'WWW-Authenticate' ? 'Proxy-Authenticate' : 'WWW-Authenticate';
}

function tokenOf({ token }: ChallengeForm): string {
  return token ?? 'MD5';
}

function shiftOf(field: ChallengeField): number {
  return field === 'WWW-Authenticate' ? 0 : 2;
}

const NO_GRANTS: readonly Grant[] = [];
/** 24 hexadecimal digits: 96 bits. */
const CNONCE_DIGITS = 24;
/** For registrars, and again for proxies. */
const MOST_REALMS = 4;
const MOST_REFUSED_AHEAD = 2;
/** Two bits for each field. */
const STRENGTH_MASK = 3;
