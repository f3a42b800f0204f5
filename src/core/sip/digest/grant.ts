/**
 * One challenge that we answer: its unchanging form, shared between the many registrations that one
 * registrar challenges alike, and the nonce with its count. RFC 7616 section 3.4.
 */

import { detached, toWire } from '../message/wire-text.ts';
import { quote } from '../message/write.ts';
import { type Algorithm, algorithmOf } from './algorithm.ts';
import type { Challenge } from './challenge.ts';
import { digestResponse } from './compute.ts';
import type { Hasher } from './ports.ts';

export type ChallengeField = 'WWW-Authenticate' | 'Proxy-Authenticate';

/** What a server's challenges have in common; compared by value, shared where equal. */
export interface ChallengeForm {
  readonly field: ChallengeField;
  readonly realm: string;
  readonly opaque: string | undefined;
  /** As given, to be echoed that way. */
  readonly token: string | undefined;
  readonly algorithm: Algorithm;
  readonly qop: 'auth' | 'auth-int' | undefined;
}

/** The form of a challenge; undefined when it is none that can be answered. */
export function formOf(challenge: Challenge, field: ChallengeField): ChallengeForm | undefined {
  const algorithm = algorithmOf(challenge.algorithm);
  const { realm, opaque } = challenge;
  const isDigest = challenge.scheme === 'digest' && realm !== undefined;
  if (!isDigest || algorithm === undefined || challenge.nonce === undefined) return undefined;
  const qop = qopFor(challenge.qop);
  return qop === 'unknown'
    ? undefined
    : { field, realm, opaque, token: challenge.algorithm, algorithm, qop };
}

/** `auth` where it is offered; nothing offered means the form of RFC 2069. */
function qopFor(offered: readonly string[]): 'auth' | 'auth-int' | undefined | 'unknown' {
  if (offered.length === 0) return undefined;
  if (offered.includes('auth')) return 'auth';
  return offered.includes('auth-int') ? 'auth-int' : 'unknown';
}

export class Grant {
  #form: ChallengeForm;
  #nonce: string;
  /** H(username:realm:password) for the form's realm and hash. */
  #ha1: string;
  /** How often the nonce has been used; it only rises (RFC 7616 section 3.4). */
  #count: number;
  /** Of the request in flight; kept on for the `-sess` algorithms, whose key it is part of. */
  #cnonce: string | undefined;
  /** Request-URI of the request in flight. */
  #uri: string | undefined;
  /** Whether requests carry it. Its nonce is remembered in any case, so that its count never falls back. */
  isArmed = true;

  /** `uses`: how often the nonce was used before. */
  constructor(form: ChallengeForm, nonce: string, ha1: string, uses: number) {
    this.#form = form;
    this.#nonce = detached(nonce);
    this.#ha1 = ha1;
    this.#count = uses;
  }

  get form(): ChallengeForm {
    return this.#form;
  }

  get nonce(): string {
    return this.#nonce;
  }

  /** How often the nonce was used. */
  get uses(): number {
    return this.#count;
  }

  get ha1(): string {
    return this.#ha1;
  }

  /** True when a request that carries it is in flight. */
  get isInFlight(): boolean {
    return this.#uri !== undefined;
  }

  /** A further challenge of the same realm: the count goes on where the nonce is still the same. */
  renew(form: ChallengeForm, nonce: string, ha1: string, uses: number): void {
    this.#form = form;
    this.#ha1 = ha1;
    this.isArmed = true;
    if (nonce !== this.#nonce) this.adopt(nonce, uses);
  }

  /** Takes another nonce, which was used so often before: the count of a new one starts at 1. */
  adopt(nonce: string, uses: number): void {
    this.#nonce = detached(nonce);
    this.#count = uses;
    this.#cnonce = undefined;
  }

  /** The header line for one request; RFC 3261 sections 20.7 and 20.28. */
  line(
    request: { readonly method: string; readonly uri: string; readonly body: string },
    account: { readonly username: string; readonly cnonce: () => string },
    hasher: Hasher,
  ): string {
    const { field, realm, opaque, token, algorithm, qop } = this.#form;
    this.#count += 1;
    this.#uri = request.uri;
    const needsCnonce = qop !== undefined || algorithm.isSession;
    if (!algorithm.isSession || this.#cnonce === undefined) {
      this.#cnonce = needsCnonce ? account.cnonce() : undefined;
    }
    const cnonce = this.#cnonce ?? '';
    const nc = this.#nc();
    const { ha1 } = this;
    const nonce = this.#nonce;
    const proof = digestResponse({ ...request, algorithm, ha1, nonce, qop, nc, cnonce }, hasher);
    let line = field === 'WWW-Authenticate' ? 'Authorization' : 'Proxy-Authorization';
    line += `: Digest username=${quote(toWire(account.username))}, realm="${realm}"`;
    line += `, nonce="${nonce}", uri="${request.uri}", response="${proof}"`;
    if (token !== undefined) line += `, algorithm=${token}`;
    if (needsCnonce) line += `, cnonce="${cnonce}"`;
    if (opaque !== undefined) line += `, opaque="${opaque}"`;
    if (qop !== undefined) line += `, qop=${qop}, nc=${nc}`;
    return `${line}\r\n`;
  }

  /** What the server has to prove with `rspauth`; undefined when no request is in flight. */
  expectedProof(body: string, hasher: Hasher): string | undefined {
    const uri = this.#uri;
    if (uri === undefined) return undefined;
    const { algorithm, qop } = this.#form;
    const cnonce = this.#cnonce ?? '';
    const input = { algorithm, ha1: this.#ha1, nonce: this.#nonce, qop, nc: this.#nc(), cnonce };
    return digestResponse({ ...input, method: '', uri, body }, hasher);
  }

  /** The request in flight is over: nothing of it has to be remembered. */
  settle(): void {
    this.#uri = undefined;
    if (!this.#form.algorithm.isSession) this.#cnonce = undefined;
  }

  #nc(): string {
    return this.#count.toString(16).padStart(8, '0');
  }
}

/** Gives the one object that stands for all forms equal to this one, as far as there is room. */
export function sharedForm(form: ChallengeForm): ChallengeForm {
  // An opaque value is often made for one challenge only: nothing to share.
  if (form.opaque !== undefined && form.opaque !== '') return detachedForm(form);
  const key = `${form.field} ${form.token} ${form.qop} ${form.opaque} ${form.realm}`;
  const known = SHARED.get(key);
  if (known !== undefined) return known;
  const own = detachedForm(form);
  if (SHARED.size < MOST_SHARED) SHARED.set(detached(key), own);
  return own;
}

function detachedForm(form: ChallengeForm): ChallengeForm {
  return {
    ...form,
    realm: detached(form.realm),
    opaque: form.opaque === undefined ? undefined : detached(form.opaque),
    token: form.token === undefined ? undefined : detached(form.token),
  };
}

/** Saves memory only; whether a form is found here changes nothing that can be seen. */
const SHARED: Map<string, ChallengeForm> = new Map();
const MOST_SHARED = 256;
