/**
 * The one pass over a header section: where each field lies, which known field it is, and how long
 * the body says to be. Used for whole messages and, on streams, to find where a message ends.
 * RFC 3261 sections 7.3.1, 7.5 and 20.14.
 *
 * A line ends with CR LF; a bare LF counts as well, since no valid header holds one. A bare CR does
 * not: a line with it is faulty. Faulty lines are left out and the scan goes on, so that an answer
 * can still echo the fields that are sound.
 */
import { CR, isBlankCode, isToken, LF, parseDigits, skipBlanks } from './characters.ts';
import { CONTENT_LENGTH, fieldIdAt } from './field-table.ts';
import { LIMITS } from './limits.ts';

export type ScanFlaw =
  | 'noEndOfHeaders'
  | 'headerLine'
  | 'lineTooLong'
  | 'fieldTooLong'
  | 'tooManyFields'
  | 'contentLength';

/** Numbers that a field takes in `marks`. */
export const STRIDE = 3;

/**
 * Where marks are gathered, since a list that grows leaves garbage at each growth. One scan at a time,
 * which runs through in its constructor, uses it; at most STRIDE x LIMITS.headerFields numbers.
 */
const DRAFT: number[] = [];

export class HeaderScan {
  /**
   * Three numbers a field: its known number, or minus (1 + start of its name); start of its value;
   * end of its value, as minus (1 + end) when the value goes over more than one line.
   */
  readonly marks: readonly number[];
  /** The first thing that is wrong. */
  flaw: ScanFlaw | undefined;
  /** The value of Content-Length; undefined when there is none (or none that can be read). */
  contentLength: number | undefined;
  /** True when Content-Length is malformed, or two of them contradict each other. */
  isLengthFaulty = false;
  /** Where the body begins; the length of the text while there is no empty line. */
  bodyStart: number;
  readonly #text: string;
  /** The first CR at or after the line that is being read. */
  #nextCr = -1;
  #isFolded = false;
  /** Numbers written to the draft. */
  #marked = 0;
  /** Faulty ones count as well, so that they cannot make the scan long. */
  #fields = 0;

  /** Scans `text` from `start`, the first octet after the start line. */
  constructor(text: string, start: number) {
    this.#text = text;
    this.bodyStart = text.length;
    let at = start;
    while (at >= 0) at = this.#scanField(at);
    this.marks = DRAFT.slice(0, this.#marked);
  }

  /** Takes the field at `at` in; returns where the next one begins, or -1 at the end. */
  #scanField(at: number): number {
    const lf = this.#text.indexOf('\n', at);
    if (lf < 0) {
      this.#fault('noEndOfHeaders');
      return -1;
    }
    if (lf === at || (lf === at + 1 && this.#text.charCodeAt(at) === CR)) {
      this.bodyStart = lf + 1;
      return -1;
    }
    this.#fields += 1;
    if (this.#fields > LIMITS.headerFields) {
      this.#fault('tooManyFields');
      return -1;
    }
    const next = this.#endOfField(at, lf);
    if (next >= 0) this.#addField(at, this.#beforeLineEnd(next - 1));
    return next < 0 ? -next : next;
  }

  /** Where the line after the field begins, continuation lines included; negative if it is faulty. */
  #endOfField(start: number, firstLf: number): number {
    const text = this.#text;
    this.#isFolded = false;
    let isSound = true;
    let lineStart = start;
    let lf = firstLf;
    for (;;) {
      if (!this.#isSoundLine(lineStart, lf)) isSound = false;
      lineStart = lf + 1;
      if (!isBlankCode(text.charCodeAt(lineStart))) break;
      const following = text.indexOf('\n', lineStart);
      if (following < 0) break;
      this.#isFolded = true;
      lf = following;
    }
    if (lineStart - start > LIMITS.fieldOctets) {
      this.#fault('fieldTooLong');
      isSound = false;
    }
    return isSound ? lineStart : -lineStart;
  }

  #isSoundLine(start: number, lf: number): boolean {
    if (this.#nextCr < start) {
      const cr = this.#text.indexOf('\r', start);
      this.#nextCr = cr < 0 ? this.#text.length : cr;
    }
    if (this.#nextCr < lf - 1) {
      this.#fault('headerLine');
      return false;
    }
    if (this.#beforeLineEnd(lf) - start > LIMITS.lineOctets) {
      this.#fault('lineTooLong');
      return false;
    }
    return true;
  }

  #beforeLineEnd(lf: number): number {
    return this.#text.charCodeAt(lf - 1) === CR ? lf - 1 : lf;
  }

  #addField(start: number, end: number): void {
    const text = this.#text;
    const colon = text.indexOf(':', start);
    let nameEnd = colon < 0 ? end : colon;
    while (nameEnd > start && isBlankCode(text.charCodeAt(nameEnd - 1))) nameEnd -= 1;
    if (colon < 0 || colon >= end || nameEnd === start) {
      this.#fault('headerLine');
      return;
    }
    const id = fieldIdAt(text, start, nameEnd);
    if (id < 0 && !isToken(text, start, nameEnd)) {
      this.#fault('headerLine');
      return;
    }
    const valueStart = skipBlanks(text, colon + 1, end);
    // A last continuation line may hold nothing but blanks: it goes, line end and all.
    let valueEnd = end;
    while (valueEnd > valueStart && isLineBlank(text.charCodeAt(valueEnd - 1))) valueEnd -= 1;
    DRAFT[this.#marked] = id < 0 ? -1 - start : id;
    DRAFT[this.#marked + 1] = valueStart;
    DRAFT[this.#marked + 2] = this.#isFolded ? -1 - valueEnd : valueEnd;
    this.#marked += STRIDE;
    if (id === CONTENT_LENGTH) this.#takeContentLength(valueStart, valueEnd);
  }

  #takeContentLength(start: number, end: number): void {
    const value = this.#isFolded ? unfold(this.#text.slice(start, end)) : '';
    const length = this.#isFolded
      ? parseDigits(value, 0, value.length, Number.MAX_SAFE_INTEGER)
      : parseDigits(this.#text, start, end, Number.MAX_SAFE_INTEGER);
    const isContradicted = this.contentLength !== undefined && this.contentLength !== length;
    if (length === undefined || isContradicted) {
      this.isLengthFaulty = true;
      this.#fault('contentLength');
    } else this.contentLength = length;
  }

  #fault(flaw: ScanFlaw): void {
    this.flaw ??= flaw;
  }
}

/**
 * A field value on one line: each line end, with the blanks around it, becomes one space (RFC 3261
 * section 7.3.1). Blanks at both ends are taken away.
 */
export function unfold(raw: string): string {
  let line = '';
  let from = 0;
  for (let lf = raw.indexOf('\n'); lf >= 0; lf = raw.indexOf('\n', from)) {
    let end = lf;
    while (end > from && isLineBlank(raw.charCodeAt(end - 1))) end -= 1;
    if (end > from) line += line === '' ? raw.slice(from, end) : ` ${raw.slice(from, end)}`;
    from = skipBlanks(raw, lf + 1);
  }
  let end = raw.length;
  while (end > from && isLineBlank(raw.charCodeAt(end - 1))) end -= 1;
  if (end > from) line += line === '' ? raw.slice(from, end) : ` ${raw.slice(from, end)}`;
  return line;
}

/** A blank, or an octet of a line end between continuation lines. */
export function isLineBlank(code: number): boolean {
  return isBlankCode(code) || code === CR || code === LF;
}
