/** The challenges in a 401 or 407: RFC 3261 sections 20.27 and 20.44, RFC 7616 section 3.3, RFC 8760. */
import type { SipMessage } from '../message/message.ts';
import { type AuthParams, parseAuthParams } from './auth-params.ts';

/** Realm, nonce and opaque are as received between their quotes: they are hashed and echoed that way. */
export interface Challenge {
  /** In lower case; `digest` is the only one that we answer. */
  readonly scheme: string;
  readonly realm: string | undefined;
  readonly nonce: string | undefined;
  readonly opaque: string | undefined;
  readonly stale: boolean;
  /** As given; undefined means MD5. */
  readonly algorithm: string | undefined;
  /** In lower case; empty when there is none (the form of RFC 2069). */
  readonly qop: readonly string[];
}

/** Every challenge of that field, in order, at most eight. */
export function challengesOf(
  message: SipMessage,
  field: 'WWW-Authenticate' | 'Proxy-Authenticate',
): readonly Challenge[] {
  const challenges: Challenge[] = [];
  for (const value of message.all(field)) {
    for (const params of parseAuthParams(value, MOST_CHALLENGES - challenges.length)) {
      challenges.push(toChallenge(params));
    }
    if (challenges.length >= MOST_CHALLENGES) break;
  }
  return challenges;
}

function toChallenge({ scheme, params }: AuthParams): Challenge {
  return {
    scheme,
    realm: params.get('realm'),
    nonce: params.get('nonce'),
    opaque: params.get('opaque'),
    stale: params.get('stale')?.toLowerCase() === 'true',
    algorithm: params.get('algorithm'),
    qop: qopList(params.get('qop')),
  };
}

function qopList(value: string | undefined): readonly string[] {
  if (value === undefined) return NO_QOP;
  if (value === 'auth') return AUTH_ONLY;
  const tokens = value.toLowerCase().split(/[, \t]+/);
  return tokens.filter((token) => token !== '');
}

const MOST_CHALLENGES = 8;
const NO_QOP: readonly string[] = [];
const AUTH_ONLY: readonly string[] = ['auth'];
