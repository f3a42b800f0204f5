/**
 * The outcome table (reliability 3.3, as design.md 6 has it): what each answer to a REGISTER, and each
 * way of getting none, means for the next try. Held cell by cell by test/unit/core/registration/outcome.test.ts.
 *
 *   2xx with our Contact, expires > 0        bound; granted by the Contact, else Expires, else as asked
 *   2xx without it, or expires=0             failed, transient: not bound
 *   401, 407                                 answered (user-agent/rounds.ts); when that ended: REFUSAL_TABLE
 *   423 with more than was asked for, or      adopted (a day at most), at once, twice in a cycle
 *       without a word of it
 *   400, 500 that blame the CSeq             a new Call-ID, at once, once in a cycle
 *   439 to an offer of outbound              without it, at once, once in a cycle
 *   301, 302, 305 within the same domain     followed where `redirects` says so (redirect.ts)
 *   every other final answer                 STATUS_TABLE, else the row of its hundred
 *   no final answer                          failed, transient; what TLS could not prove: config
 *
 * `transient` is tried again with back-off, `rejected` slowly from 60 s, `config` slowly from 5 minutes.
 * Retry-After is obeyed, within [1 s, 1 h]; for what is refused it may only lengthen the wait.
 */
import { retryAfterSec } from '../sip/header/retry-after.ts';
import type { SipMessage } from '../sip/message/message.ts';
import type { Refusal } from '../sip/user-agent/ports.ts';
import type { RegistrationCode } from './causes.ts';

export type FailureClass = 'transient' | 'rejected' | 'config';

export interface Row {
  readonly failure: FailureClass;
  readonly code: RegistrationCode;
  /** Whether Retry-After counts in this answer (RFC 3261 section 20.33, and where it is seen). */
  readonly retryAfter: boolean;
}

const row = (failure: FailureClass, code: RegistrationCode, retryAfter = false): Row => ({
  failure,
  code,
  retryAfter,
});

/** What differs from the rule of its hundred. */
export const STATUS_TABLE: Readonly<Record<number, Row>> = {
  403: row('rejected', 'registrar.refused', true),
  404: row('config', 'registrar.rejected', true),
  408: row('transient', 'registrar.unavailable', true),
  423: row('transient', 'registrar.intervalTooBrief'),
  429: row('transient', 'registrar.overloaded', true),
  430: row('transient', 'registrar.unavailable'),
  // Where we did not offer outbound: whoever answers so has a bad moment.
  439: row('transient', 'registrar.unavailable'),
  480: row('transient', 'registrar.unavailable', true),
  486: row('transient', 'registrar.unavailable', true),
  491: row('transient', 'registrar.unavailable'),
  503: row('transient', 'registrar.overloaded', true),
  600: row('transient', 'registrar.unavailable', true),
  603: row('transient', 'registrar.unavailable', true),
  604: row('config', 'registrar.rejected'),
};

/** RFC 3261 section 8.1.3.2: an unknown code counts as the x00 of its class. By the first digit. */
export const CLASS_TABLE: Readonly<Record<number, Row>> = {
  3: row('config', 'registrar.redirected'),
  4: row('config', 'registrar.rejected'),
  5: row('transient', 'registrar.unavailable', true),
  6: row('transient', 'registrar.unavailable'),
};

const TOO_LARGE = row('transient', 'registrar.unavailable', true);
const UNKNOWN = row('transient', 'registrar.unavailable');

/** Why 401 or 407 was the last word. */
export const REFUSAL_TABLE: Readonly<Record<Refusal['kind'], Omit<Row, 'retryAfter'>>> = {
  credentials: { failure: 'rejected', code: 'auth.credentialsRefused' },
  loop: { failure: 'rejected', code: 'auth.challengeLoop' },
  realm: { failure: 'config', code: 'auth.realmMismatch' },
  downgrade: { failure: 'config', code: 'auth.downgradeRefused' },
  unusable: { failure: 'config', code: 'auth.unusableChallenge' },
  noCredentials: { failure: 'config', code: 'auth.noCredentials' },
};

/** TLS proofs that failed are no passing trouble: somebody has to change something. */
export const CONFIG_FAULTS: ReadonlySet<string> = new Set([
  'tls.identity',
  'tls.untrusted',
  'tls.expired',
  'tls.revoked',
  'tls.ownCertificate',
]);

/** The row of a final answer that has no rule of its own in outcome.ts. */
export function rowOf(status: number, response: SipMessage): Row {
  const special = STATUS_TABLE[status];
  if (special !== undefined) return special;
  // Too large only for now, if it says until when.
  if (status === 413 && retryAfterSec(response) !== undefined) return TOO_LARGE;
  return CLASS_TABLE[Math.floor(status / 100)] ?? UNKNOWN;
}
