/**
 * What the answer to a REGISTER means: the rows of outcome-table.ts, and the few answers that need more
 * than their row.
 */
import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import { contactsOf } from '../sip/header/contact.ts';
import { minExpiresOf } from '../sip/header/expires.ts';
import { retryAfterSec } from '../sip/header/retry-after.ts';
import type { SipMessage } from '../sip/message/message.ts';
import { readableText } from '../sip/message/wire-text.ts';
import type { ExchangeOutcome, Refusal } from '../sip/user-agent/ports.ts';
import { type Listing, type OwnBinding, type OwnMarks, ownBinding } from './binding.ts';
import { cause, causeOfFault, leftUnanswered } from './causes.ts';
import { LEAVES_OUT } from './gate-user.ts';
import { ADAPTED } from './machine-state.ts';
import { isOutboundInForce } from './outbound.ts';
import { CONFIG_FAULTS, type FailureClass, REFUSAL_TABLE, rowOf } from './outcome-table.ts';
import type { OutboundPolicy } from './spec.ts';

export type Verdict =
  | {
      readonly kind: 'bound';
      readonly grantedSec: number;
      /** When the request left that made the binding: the grant counts from there. */
      readonly sentAt: Instant;
      readonly match: OwnBinding['match'];
      /** Undefined for the usual answer: it lists nothing but our very Contact. */
      readonly listing?: Listing;
    }
  /** Ask for this expiry, at once. */
  | { readonly kind: 'minExpires'; readonly minExpiresSec: number }
  /** The registrar remembers a higher CSeq: a new Call-ID gets out of it. */
  | { readonly kind: 'newCallId' }
  /** The first hop cannot do outbound (439): once more without it, RFC 5626 section 11.6. */
  | { readonly kind: 'withoutOutbound' }
  /** It refused these credentials: the same request goes once more with the other ones. */
  | { readonly kind: 'otherCredentials' }
  /** The registrar points to another place: the same request goes there. */
  | { readonly kind: 'elsewhere' }
  | FailedVerdict;

export interface FailedVerdict {
  readonly kind: 'failed';
  readonly failure: FailureClass;
  /** As received; the machine clamps it. */
  readonly retryAfterSec: number | undefined;
  /** The answer proves that the registrar does not hold our binding. */
  readonly lostBinding: boolean;
  readonly cause: Cause;
}

/** What has to be known of the attempt to judge its outcome. */
export interface Attempted extends OwnMarks {
  readonly username: string;
  readonly askedSec: number;
  /** targetKey, for texts. */
  readonly target: string;
  /** The request was for all numbers of a PBX (RFC 6140). */
  readonly isGin?: boolean;
  /** Redirections are followed as far as they may be; this one may not. */
  readonly follows?: boolean;
  /** `off` where the request did not offer it. */
  readonly outbound: OutboundPolicy;
  /** How many registrations the target leaves without an answer while it answers others; 0: not this one. */
  readonly leftOut?: number;
  /** `MachineState.adapted`: what may not be tried a second time. */
  readonly adapted: number;
}

/** The longest Min-Expires that is followed. */
const LONGEST_MIN_EXPIRES_SEC = 86_400;

export function judge(outcome: ExchangeOutcome, attempted: Attempted): Verdict {
  if (outcome.kind === 'failed') return judgeFault(outcome.fault, attempted);
  const { status, response } = outcome;
  if (status < 300) return judgeSuccess(response, outcome.sentAt, attempted);
  if (status === 401 || status === 407) {
    return judgeRefusal(outcome.refusal ?? UNEXPLAINED, status, attempted);
  }
  if (status === 439 && attempted.outbound !== 'off') return judgeFirstHop(attempted);
  if (status === 420 && attempted.isGin === true) return failed('config', noGin(attempted.target));
  if (status === 423) return judgeInterval(response, attempted);
  if ((status === 400 || status === 500) && blamesCseq(response)) return judgeCseq(attempted);
  return judgeByTable(status, response, attempted);
}

function judgeFault(fault: Fault, { target, leftOut = 0 }: Attempted): Verdict {
  if (leftOut > 0 && LEAVES_OUT.has(fault.code)) {
    return failed('transient', leftUnanswered(target, leftOut));
  }
  const failure = CONFIG_FAULTS.has(fault.code) ? 'config' : 'transient';
  return failed(failure, causeOfFault(fault, target));
}

const UNEXPLAINED: Refusal = { kind: 'unusable', reason: 'no reason known' };

function judgeSuccess(response: SipMessage, sentAt: Instant, attempted: Attempted): Verdict {
  const binding = ownBinding(response, attempted, attempted.askedSec);
  if (binding === undefined) {
    const text = `${attempted.target} answered ${response.status}, but its list of Contacts does not hold ${attempted.contactUri}.`;
    const next = 'Tried again; ask the provider why the binding is not stored.';
    return {
      ...failed('transient', cause('registration.notBound', 'peer', next, text)),
      lostBinding: true,
    };
  }
  if (attempted.outbound === 'require' && !isOutboundInForce(response)) {
    return failed('config', noOutbound(`${attempted.target} does not do outbound (RFC 5626).`));
  }
  return { kind: 'bound', sentAt, ...binding };
}

function judgeRefusal(refusal: Refusal, status: number, attempted: Attempted): Verdict {
  const { username, target } = attempted;
  switch (refusal.kind) {
    case 'credentials': {
      const text = `${target} refused the password of user "${username}" in realm "${readable(refusal.realm)}" (${status}).`;
      const next =
        'Tried again slowly, so that the account is not locked; check user name and password, a reload with new ones is tried at once.';
      return refused(refusal, 'config', next, text);
    }
    case 'realm': {
      const text = `${target} asks for realm "${readable(refusal.offered)}", the configuration allows only "${refusal.expected}"; no credentials were sent.`;
      const next = 'Tried again slowly; correct auth.realm, or leave it out to accept any realm.';
      return refused(refusal, 'config', next, text);
    }
    case 'downgrade': {
      const text = `${target} offers only ${readable(refusal.offered)}, and accepted ${refusal.proven} before; no credentials were sent.`;
      const next =
        'Tried again slowly; ask the provider, and set pinAlgorithm to false if that is meant to be.';
      return refused(refusal, 'peer', next, text);
    }
    case 'unusable': {
      const text = `${target} answered ${status} with a challenge that cannot be used: ${readable(refusal.reason)}.`;
      const next =
        'Tried again slowly; ask the provider for digest authentication with MD5 or SHA-256.';
      return refused(refusal, 'peer', next, text);
    }
    case 'loop': {
      const text = `${target} answered each nonce of its own with another one (${status}).`;
      const next = 'Tried again slowly; tell the provider that its registrar forgets its nonces.';
      return refused(refusal, 'peer', next, text);
    }
    case 'noCredentials': {
      const next = 'Tried again slowly; configure a user name and a password.';
      return refused(refusal, 'config', next);
    }
  }
}

function refused(
  { kind }: Refusal,
  blame: Cause['blame'],
  next: string,
  text?: string,
): FailedVerdict {
  const { failure, code } = REFUSAL_TABLE[kind];
  return failed(failure, cause(code, blame, next, text));
}

/** Asked for, once, where a 423 does not say how much it wants: the default of RFC 3261 section 10.2.1.1. */
const GUESSED_MIN_EXPIRES_SEC = 3_600;

/** 423: twice in a cycle, and only where it asks for more than we did. RFC 3261 section 10.2.8. */
function judgeInterval(response: SipMessage, attempted: Attempted): Verdict {
  const { askedSec, target, adapted } = attempted;
  const named = minExpiresOf(response);
  const isFirst = (adapted & ADAPTED.minExpires) === 0;
  const minExpiresSec = named ?? (isFirst ? GUESSED_MIN_EXPIRES_SEC : 0);
  if (minExpiresSec > LONGEST_MIN_EXPIRES_SEC) {
    const text = `${target} wants an expiry of ${minExpiresSec} s, more than a day.`;
    const next = 'Tried again slowly; ask the provider for a shorter one.';
    return failed('config', cause('registrar.intervalTooLong', 'peer', next, text));
  }
  if (minExpiresSec > askedSec && (adapted & ADAPTED.minExpiresAgain) === 0) {
    return { kind: 'minExpires', minExpiresSec };
  }
  const least =
    named === undefined ? 'does not say what it wants' : `names ${named} s as the least`;
  const text = `${target} finds ${askedSec} s too brief and ${least}.`;
  const next = 'Tried again; ask the provider which expiry it accepts, and set it.';
  return failed('transient', cause('registrar.intervalTooBrief', 'peer', next, text));
}

/** 439: the binding is made without outbound, unless the configuration insists on it. */
function judgeFirstHop({ outbound, target, adapted }: Attempted): Verdict {
  if (outbound !== 'require' && (adapted & ADAPTED.outbound) === 0) {
    return { kind: 'withoutOutbound' };
  }
  return failed('config', noOutbound(`${target} answered 439: its first hop cannot do outbound.`));
}

/** RFC 6140 section 5.1: never taken back to an ordinary registration by ourselves. */
function noGin(target: string): Cause {
  const next = 'Tried again slowly; ask the provider, or register each number (`mode: single`).';
  const text = `${target} answered 420: it does not know GIN (RFC 6140).`;
  return cause('registrar.noGin', 'config', next, text);
}

function noOutbound(text: string): Cause {
  const next = 'Tried again slowly; ask the provider, or set `outbound: auto`.';
  return cause('registrar.noOutbound', 'config', next, text);
}

/** Registrars that lost count, or kept it over our restart, say so in one of these places. */
function blamesCseq(response: SipMessage): boolean {
  const said = [response.reason, response.first('P-Registrar-Error'), response.first('Warning')];
  return said.some((text) => text !== undefined && text.toLowerCase().indexOf('cseq') >= 0);
}

function judgeCseq({ adapted, target }: Attempted): Verdict {
  if ((adapted & ADAPTED.callId) === 0) return { kind: 'newCallId' };
  const text = `${target} still refuses our CSeq after a new Call-ID.`;
  const next = 'Tried again slowly; tell the provider.';
  return failed('config', cause('registrar.sequence', 'peer', next, text));
}

function judgeByTable(status: number, response: SipMessage, attempted: Attempted): Verdict {
  const { failure, code, retryAfter } = rowOf(status, response);
  const reason = readable(response.reason);
  const answer = reason === '' ? `${status}` : `${status} ${reason}`;
  const blame = failure === 'transient' ? 'peer' : 'config';
  const verdict = failed(
    failure,
    status < 400
      ? redirection(answer, response, attempted)
      : cause(code, blame, ADVICE[failure], `${attempted.target} answered ${answer}.`),
  );
  return retryAfter ? { ...verdict, retryAfterSec: retryAfterSec(response) } : verdict;
}

const ADVICE: Readonly<Record<FailureClass, string>> = {
  transient: 'Tried again; nothing to do unless it lasts.',
  rejected: 'Tried again slowly; ask the provider whether the account is enabled.',
  config:
    'Tried again slowly; compare user name, domain and contact with what the provider expects.',
};

function redirection(answer: string, response: SipMessage, { target, follows }: Attempted): Cause {
  const contacts = contactsOf(response);
  const place = contacts === '*' ? undefined : contacts[0]?.uri;
  const where = place === undefined ? 'without saying where to' : `to ${readable(place)}`;
  const why =
    follows === true
      ? 'it leads out of the domain, to less protection, or in a circle, and is not followed'
      : 'redirections are not followed';
  const next = `Tried again slowly; ${why}. Set it as registrar if you trust it.`;
  return cause('registrar.redirected', 'config', next, `${target} redirects ${where} (${answer}).`);
}

function failed(failure: FailureClass, why: Cause): FailedVerdict {
  return { kind: 'failed', failure, retryAfterSec: undefined, lostBinding: false, cause: why };
}

/** Text of a peer for people, bounded. */
export function readable(wire: string): string {
  const cut = wire.length > 120 ? `${wire.slice(0, 120)}...` : wire;
  return readableText(cut);
}
