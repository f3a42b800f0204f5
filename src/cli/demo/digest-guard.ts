/**
 * The server's side of digest authentication: makes challenges and checks what comes back. RFC 7616
 * and RFC 8760 with qop=auth; a nonce may be used again while its count rises, until it is stale.
 */
import { createHash, randomBytes } from 'node:crypto';
import { putNewest } from '../../core/base/bounded-map.ts';
import { splitList } from '../../core/sip/header/name-addr.ts';
import { type Params, parseParams } from '../../core/sip/header/params.ts';
import type { SipMessage } from '../../core/sip/message/message.ts';
import type { DemoUser } from './users.ts';

/** `again`: ask (once more); `stale` when nothing but the age of the nonce was wrong. */
export type GuardVerdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'again'; readonly isStale: boolean };

interface Nonce {
  readonly madeAtMs: number;
  lastCount: number;
}

export class DigestGuard {
  readonly #realm: string;
  readonly #nonceLifeMs: number;
  /** In order of making, so that the oldest are forgotten first. */
  readonly #nonces = new Map<string, Nonce>();

  constructor(options: { readonly realm: string; readonly nonceLifeMs: number }) {
    this.#realm = options.realm;
    this.#nonceLifeMs = options.nonceLifeMs;
  }

  /** The value of a WWW-Authenticate field, with a nonce that nobody had before. */
  challenge(user: DemoUser, isStale: boolean): string {
    const nonce = randomBytes(16).toString('hex');
    putNewest(this.#nonces, nonce, { madeAtMs: performance.now(), lastCount: 0 }, MAX_NONCES);
    const stale = isStale ? ', stale=true' : '';
    return `Digest realm="${this.#realm}", nonce="${nonce}", algorithm=${user.algorithm}, qop="auth"${stale}`;
  }

  check(request: SipMessage, user: DemoUser): GuardVerdict {
    const given = this.#credentialsOf(request);
    if (given === undefined || !this.#isRight(given, request, user)) return WRONG;
    const nonce = this.#nonces.get(given.get('nonce') ?? '');
    const count = Number.parseInt(given.get('nc') ?? '', 16);
    // A count that came before would be a replay; RFC 7616 section 3.4.
    const isFresh =
      nonce !== undefined &&
      performance.now() - nonce.madeAtMs < this.#nonceLifeMs &&
      count > nonce.lastCount;
    if (!isFresh) return STALE;
    nonce.lastCount = count;
    return PASS;
  }

  /** The credentials for our realm, if there are any. */
  #credentialsOf(request: SipMessage): Params | undefined {
    for (const value of request.all('Authorization')) {
      if (!/^digest /i.test(value)) continue;
      const params = parseParams(`;${splitList(value.slice('digest '.length)).join(';')}`, 0);
      if (params?.get('realm') === this.#realm) return params;
    }
    return undefined;
  }

  #isRight(given: Params, request: SipMessage, user: DemoUser): boolean {
    const name = user.algorithm === 'MD5' ? 'md5' : 'sha256';
    const hash = (text: string) => createHash(name).update(text, 'latin1').digest('hex');
    const uri = given.get('uri') ?? '';
    const middle = ['nonce', 'nc', 'cnonce', 'qop'].map((key) => given.get(key) ?? '').join(':');
    const secret = hash(`${user.username}:${this.#realm}:${user.password}`);
    const wanted = hash(`${secret}:${middle}:${hash(`${request.method}:${uri}`)}`);
    return (
      given.get('username') === user.username &&
      given.get('algorithm') === user.algorithm &&
      given.get('qop') === 'auth' &&
      uri === request.requestUri &&
      given.get('response') === wanted
    );
  }
}

/** Far more than the demo's accounts can ask for within the life of a nonce. */
const MAX_NONCES = 1000;
const PASS: GuardVerdict = { kind: 'pass' };
const WRONG: GuardVerdict = { kind: 'again', isStale: false };
const STALE: GuardVerdict = { kind: 'again', isStale: true };
