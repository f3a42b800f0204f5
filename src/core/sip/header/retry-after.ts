/** The Retry-After header field: RFC 3261 section 20.33, `18000 (I am away);duration=3600`. */
import { isDigitCode, skipBlanks } from '../message/characters.ts';
import type { SipMessage } from '../message/message.ts';
import { parseClampedSeconds } from './expires.ts';

/**
 * The seconds to wait, 1 to 2^32 - 1; undefined when the field is absent, no number stands at its begin
 * (an HTTP date, a sign), or it is 0, which asks for nothing: whoever is in trouble is not asked again
 * at once. Comment and parameters are let go. The caller clamps.
 */
export function retryAfterSec(message: SipMessage): number | undefined {
  const value = message.first('Retry-After');
  if (value === undefined) return undefined;
  let end = 0;
  while (end < value.length && isDigitCode(value.charCodeAt(end))) end += 1;
  const rest = value.charAt(skipBlanks(value, end));
  if (rest !== '' && rest !== '(' && rest !== ';') return undefined;
  const seconds = parseClampedSeconds(value.slice(0, end));
  return seconds === 0 ? undefined : seconds;
}
