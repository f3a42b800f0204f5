/**
 * A registrar as providers have them, small: RFC 3261 section 10.3 without the parts that one client
 * cannot see. It asks for digest credentials, keeps bindings, and grants less time than it is asked
 * for, so that one can watch the refreshes.
 */
import { contactsOf } from '../../core/sip/header/contact.ts';
import { expiresOf } from '../../core/sip/header/expires.ts';
import { parseNameAddr } from '../../core/sip/header/name-addr.ts';
import type { SipMessage } from '../../core/sip/message/message.ts';
import { parseUri } from '../../core/sip/message/uri.ts';
import { headerLine } from '../../core/sip/message/write.ts';
import { DigestGuard } from './digest-guard.ts';
import type { Answer } from './sip-server.ts';
import { type DemoUser, DOMAIN, USERS } from './users.ts';

export class Registrar {
  readonly #users = new Map(USERS.map((user) => [user.username, user]));
  readonly #guard = new DigestGuard({ realm: DOMAIN, nonceLifeMs: NONCE_LIFE_MS });
  /** Username -> Contact URI -> when it ends, on the clock of `performance.now`. */
  readonly #bindings = new Map<string, Map<string, number>>();

  answer(request: SipMessage): Answer {
    if (request.method === 'OPTIONS') return { status: 200, phrase: 'OK', lines: [] };
    if (request.method !== 'REGISTER') {
      return { status: 405, phrase: 'Method Not Allowed', lines: ['Allow: OPTIONS, REGISTER'] };
    }
    const user = this.#users.get(usernameOf(request));
    if (user === undefined) return { status: 404, phrase: 'Not Found', lines: [] };
    const verdict = this.#guard.check(request, user);
    if (verdict.kind === 'pass') return this.#register(request, user);
    const challenge = this.#guard.challenge(user, verdict.isStale);
    const lines = [headerLine('WWW-Authenticate', challenge)];
    return { status: 401, phrase: 'Unauthorized', lines };
  }

  #register(request: SipMessage, user: DemoUser): Answer {
    const nowMs = performance.now();
    const bindings = this.#bindings.get(user.username) ?? new Map<string, number>();
    this.#bindings.set(user.username, bindings);
    for (const [uri, endsAtMs] of bindings) {
      if (endsAtMs <= nowMs) bindings.delete(uri);
    }
    const contacts = contactsOf(request);
    if (contacts === '*') bindings.clear();
    else {
      for (const { uri, expiresSec } of contacts) {
        const grantedSec = Math.min(expiresSec ?? expiresOf(request) ?? GRANT_SEC, GRANT_SEC);
        if (grantedSec > 0) bindings.set(uri, nowMs + grantedSec * 1000);
        else bindings.delete(uri);
      }
    }
    const lines = [...bindings].map(([uri, endsAtMs]) =>
      headerLine('Contact', `<${uri}>;expires=${Math.ceil((endsAtMs - nowMs) / 1000)}`),
    );
    return { status: 200, phrase: 'OK', lines };
  }
}

function usernameOf(request: SipMessage): string {
  const to = parseNameAddr(request.first('To') ?? '');
  return (to && parseUri(to.uri)?.user) ?? '';
}

/** trunkd asks for a minute and gets this. */
const GRANT_SEC = 20;
/** Long enough for several refreshes with one nonce, short enough to see it go stale. */
const NONCE_LIFE_MS = 90_000;
