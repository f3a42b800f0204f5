/**
 * Why a peer server is as it is: one table of codes, from which docs/errors.md is made, and the
 * functions that turn what a machine knows into a cause for people.
 */
import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { PeerState } from './events.ts';
import type { Admin, ProbePlan } from './spec.ts';
import type { Finding } from './verdict.ts';

export type HealthCauseCode =
  | 'probe.answered'
  | 'probe.impaired'
  | 'probe.slow'
  | 'probe.unanswered'
  | 'probe.badAnswer'
  | 'probe.heldOff'
  | 'probe.neverAnswered'
  | 'probe.off'
  | 'probe.flapping'
  | 'requires.unbound'
  | 'slowStart.running'
  | 'contract.allDown'
  | 'contract.panic'
  | 'admin.drain'
  | 'admin.off';

export interface HealthCauseRow {
  readonly blame: Cause['blame'];
  /** For docs/errors.md; the text of a cause adds the numbers of the case. */
  readonly meaning: string;
  readonly next: string;
}

/** Every code of the health machine itself; a cause may also bear the code of a fault. */
export const HEALTH_CAUSES: Readonly<Record<HealthCauseCode, HealthCauseRow>> = {
  'probe.answered': {
    blame: 'nobody',
    meaning: 'The server answers its probes well enough to take calls.',
    next: 'It is probed at its interval.',
  },
  'probe.impaired': {
    blame: 'peer',
    meaning:
      'The server answers, but with 483 or a 6xx (or what `answers` says): it lives, and calls may fail there.',
    next: 'It stays enabled and is probed on; look at its routing and at the Request-URI of the probe.',
  },
  'probe.slow': {
    blame: 'peer',
    meaning: 'The server answers well, but takes longer than `impairedAbove`.',
    next: 'It stays enabled and is probed on; it is up again when its answers take less than four fifths of that.',
  },
  'probe.unanswered': {
    blame: 'peer',
    meaning: 'Probes in a row got no answer in time: the server is dead or cannot be reached.',
    next: 'It is probed every few seconds, and enabled again when it answers.',
  },
  'probe.badAnswer': {
    blame: 'peer',
    meaning:
      'The server answers that it cannot work: 408, 430, 477, 478, 500, 502, 503 or 504, unless `answers` says otherwise.',
    next: 'It is probed every few seconds, and enabled again when it answers well.',
  },
  'probe.heldOff': {
    blame: 'peer',
    meaning: 'The server answered 503 and asked with Retry-After to be left alone.',
    next: 'It is probed when that time is over, and enabled again when it answers well.',
  },
  'probe.neverAnswered': {
    blame: 'peer',
    meaning: 'The server has not answered a single probe since we know it.',
    next: 'It is probed on. If it takes calls but no OPTIONS, have it watched by `probe: { mode: connect }` (TCP, TLS) or `register`, or not at all (`off`); `whenNeverUp` says what happens until then.',
  },
  'probe.off': {
    blame: 'nobody',
    meaning: 'The configuration says that this server is not probed.',
    next: 'It stays enabled until somebody says otherwise.',
  },
  'probe.flapping': {
    blame: 'peer',
    meaning: 'The server answers, but went down and came back too often of late.',
    next: 'It is enabled again when it has been stable for long enough, or at once when its contract has nothing better.',
  },
  'requires.unbound': {
    blame: 'peer',
    meaning: 'Registrations that the server requires are not bound.',
    next: 'It is enabled again as soon as enough of them are bound.',
  },
  'slowStart.running': {
    blame: 'nobody',
    meaning: 'The server came back not long ago, and gets only a part of its weight yet.',
    next: 'Its weight grows by a tenth at a time until the time of `slowStart` is over.',
  },
  'contract.allDown': {
    blame: 'nobody',
    meaning:
      'No server of the contract is enabled: all that are not drained or off are offered as a last resort.',
    next: 'That ends when one of them is enabled again; `onAllDown: none` would offer none.',
  },
  'contract.panic': {
    blame: 'nobody',
    meaning:
      'Fewer servers of the contract are enabled than `panicBelow` wants: the others are offered as a last resort.',
    next: 'That ends when enough of them are enabled again.',
  },
  'admin.drain': {
    blame: 'nobody',
    meaning: 'The server or its contract is drained: no new calls go there; it is probed on.',
    next: 'Set `admin: up` to enable it again.',
  },
  'admin.off': {
    blame: 'nobody',
    meaning: 'The server or its contract is switched off: no calls and no probes go there.',
    next: 'Set `admin: up` to probe and enable it again.',
  },
};

const FAULT_NEXT = 'It is probed every few seconds, and enabled again when it answers well.';
const VOID_NEXT =
  'Nothing is concluded about the server, and it is probed on; check our own sockets, proxies and network.';
const REGISTER_NEXT =
  'No probe is sent to it (`mode: register`): it counts how the next REGISTER to its address ends.';
const ORDERED_NEXT =
  'It is probed on, and not disabled, until `trunkd thaw` or the end that the order has.';
const DNS_NEXT =
  'The name is asked again; until then the last known addresses are probed. Check the name and the name server.';

/** A cause of the table; `text` replaces its general meaning by the case at hand. */
export function healthCause(
  code: HealthCauseCode,
  text: string = HEALTH_CAUSES[code].meaning,
): Cause {
  const { blame, next } = HEALTH_CAUSES[code];
  return { code, blame, text, next };
}

/** Why a target is up, impaired or down now; `count` results in a row led to it. */
export function causeOfState(
  state: PeerState,
  finding: Finding | undefined,
  count: number,
  plan: ProbePlan,
): Cause | undefined {
  if (finding === undefined || finding.kind === 'none') return undefined;
  const cause = causeOfFinding(state, finding, count, plan);
  return plan.mode === 'register' ? { ...cause, next: REGISTER_NEXT } : cause;
}

function causeOfFinding(
  state: PeerState,
  finding: Exclude<Finding, { readonly kind: 'none' }>,
  count: number,
  plan: ProbePlan,
): Cause {
  switch (finding.kind) {
    case 'answer':
      return causeOfAnswer(state, finding, count, plan);
    case 'connected':
      return causeOfConnection(state, finding, plan);
    case 'silence':
      if (state === 'unknown') return healthCause('probe.neverAnswered', unanswered(count, plan));
      if (finding.fault.code !== 'timeout.response' && plan.mode !== 'connect')
        return causeOfFault(finding.fault, count);
      return healthCause('probe.unanswered', unanswered(count, plan));
    case 'refusal':
      return causeOfFault(finding.fault, count);
  }
}

/** Nothing can be said of a server, since its probes fail on our side, or people want it so. */
export function causeOfVoid({ code, blame, text }: Fault): Cause {
  if (code === 'ownFault.ordered') return { code, blame: 'operator', text, next: ORDERED_NEXT };
  return { code, blame, text, next: VOID_NEXT };
}

/** The name of a server does not resolve. */
export function causeOfLookup(fault: Fault): Cause {
  return { code: fault.code, blame: fault.blame, text: fault.text, next: DNS_NEXT };
}

/** Why a server that is not `up` for us is not offered. */
export function causeOfAdmin(admin: Exclude<Admin, 'up'>): Cause {
  return healthCause(admin === 'off' ? 'admin.off' : 'admin.drain');
}

function causeOfAnswer(
  state: PeerState,
  { code, reason, holdMs, slowMs }: Finding & { readonly kind: 'answer' },
  count: number,
  plan: ProbePlan,
): Cause {
  const answer = reason === '' ? `${code}` : `${code} ${reason}`;
  if (state === 'up') return healthCause('probe.answered', `The server answered ${answer}.`);
  if (state === 'impaired' && slowMs > 0) {
    const text = `The server answered ${answer}, but ${tooSlow(slowMs, plan)}.`;
    return healthCause('probe.slow', text);
  }
  if (state === 'impaired') return healthCause('probe.impaired', `The server answered ${answer}.`);
  if (holdMs > 0) {
    const holdSec = Math.ceil(holdMs / 1000);
    const text = `The server answered ${answer} and asked to be left alone for ${holdSec} s.`;
    return healthCause('probe.heldOff', text);
  }
  return healthCause('probe.badAnswer', `The server answered ${answer}${inARow(count)}.`);
}

function causeOfConnection(
  state: PeerState,
  { slowMs }: Finding & { readonly kind: 'connected' },
  plan: ProbePlan,
): Cause {
  if (state === 'impaired') {
    const text = `The server accepts connections, but ${tooSlow(slowMs, plan)}.`;
    return healthCause('probe.slow', text);
  }
  return healthCause('probe.answered', 'The server accepts connections; more is not asked of it.');
}

function tooSlow(slowMs: number, { impairedAboveMs = 0 }: ProbePlan): string {
  return `took ${Math.round(slowMs)} ms on average, and more than ${impairedAboveMs} ms is too long`;
}

function causeOfFault({ code, blame, text }: Fault, count: number): Cause {
  return { code, blame, text: `${text.replace(/\.$/, '')}${inARow(count)}.`, next: FAULT_NEXT };
}

function unanswered(count: number, { mode, timeoutMs }: ProbePlan): string {
  const what = mode === 'register' ? 'REGISTER' : mode === 'connect' ? 'connect' : 'probe';
  // It has answered since, but not often enough.
  if (count === 0) return `Its ${what}s got no answer for a while; it has begun to answer again.`;
  const asked = count === 1 ? `One ${what}` : `${count} ${what}s in a row`;
  // A REGISTER has a time-out of its own.
  const within = mode === 'register' ? '' : ` within ${timeoutMs / 1000} s`;
  return `${asked} got no answer${within}.`;
}

function inARow(count: number): string {
  return count > 1 ? `, ${count} times in a row` : '';
}
