/** Why an exchange fails for reasons of its own, and how an answer is named in a fault. */
import { type Fault, fault } from '../../base/fault.ts';
import type { SipMessage } from '../message/message.ts';

export const TOO_MANY: Fault = fault(
  'transport.local',
  'local',
  'Too many transactions are under way; this one was not started.',
);

export const DEAD_CONNECTION: Fault = fault(
  'timeout.response',
  'peer',
  'Nothing came back over the connection for 10 s, so it was closed.',
);

/** `408 Request Timeout`, of a message that is not ours: bounded and printable. */
export function printableAnswer({ status, reason }: SipMessage): string {
  return `${status} ${reason.slice(0, 64).replace(/[^ -~]/g, '?')}`.trimEnd();
}
