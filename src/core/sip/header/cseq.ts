/** The CSeq header field: RFC 3261 section 20.16. */
import { isDigitCode, isToken, parseDigits, skipBlanks } from '../message/characters.ts';

export interface Cseq {
  /** 0 to 2^32 - 1. */
  readonly number: number;
  readonly method: string;
}

/** Undefined when it is malformed or its number is 2^32 or more: no digit is ever lost. */
export function parseCseq(value: string): Cseq | undefined {
  let digitsEnd = 0;
  while (digitsEnd < value.length && isDigitCode(value.charCodeAt(digitsEnd))) digitsEnd += 1;
  const number = parseDigits(value, 0, digitsEnd, MOST);
  if (number === undefined || number > MOST) return undefined;
  const methodStart = skipBlanks(value, digitsEnd);
  if (methodStart === digitsEnd || !isToken(value, methodStart)) return undefined;
  return { number, method: value.slice(methodStart) };
}

const MOST = 0xffff_ffff;
