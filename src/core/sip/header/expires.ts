/** Spans in seconds: Expires, Min-Expires and the `expires` parameter; RFC 3261 20.10, 20.19, 20.23. */
import { parseDigits } from '../message/characters.ts';
import type { SipMessage } from '../message/message.ts';

/** What a malformed or overlarge value stands for: RFC 3261 sections 20.10 and 20.19. */
export const MALFORMED_EXPIRES_SEC = 3600;

/** Seconds from 0 to 2^32 - 1; undefined when it is no run of digits or larger than that. */
export function parseDeltaSeconds(text: string): number | undefined {
  const seconds = parseDigits(text, 0, text.length, MOST_SEC);
  return seconds === undefined || seconds > MOST_SEC ? undefined : seconds;
}

/** As parseDeltaSeconds, but what is too large counts as the largest. */
export function parseClampedSeconds(text: string): number | undefined {
  const seconds = parseDigits(text, 0, text.length, MOST_SEC);
  return seconds === undefined ? undefined : Math.min(seconds, MOST_SEC);
}

/** The Expires field in seconds; undefined when absent, 3600 when malformed. */
export function expiresOf(message: SipMessage): number | undefined {
  const value = message.first('Expires');
  return value === undefined ? undefined : (parseDeltaSeconds(value) ?? MALFORMED_EXPIRES_SEC);
}

/** The Min-Expires field of a 423 in seconds; undefined when absent or malformed. */
export function minExpiresOf(message: SipMessage): number | undefined {
  const value = message.first('Min-Expires');
  return value === undefined ? undefined : parseClampedSeconds(value);
}

const MOST_SEC = 0xffff_ffff;
