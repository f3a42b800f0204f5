/**
 * The SipMessage that parseMessage makes: the text and the marks of the scan. A value is cut out of
 * the text when somebody asks for it, and not kept: nearly every value is asked for once or never.
 */
import { fieldId, fieldName } from './field-table.ts';
import type { HeaderName } from './header-name.ts';
import type { SipMessage } from './message.ts';
import { STRIDE, unfold } from './scan.ts';

/** The start line, cut up; RFC 3261 sections 7.1 and 7.2. */
export interface StartLine {
  readonly kind: 'request' | 'response';
  readonly method: string;
  readonly requestUri: string;
  readonly status: number;
  readonly reason: string;
  readonly version: string;
}

export class WireMessage implements SipMessage {
  readonly text: string;
  readonly kind: 'request' | 'response';
  readonly method: string;
  readonly requestUri: string;
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly #marks: readonly number[];
  readonly #bodyStart: number;
  readonly #bodyEnd: number;

  constructor(
    text: string,
    startLine: StartLine,
    marks: readonly number[],
    body: { readonly start: number; readonly end: number },
  ) {
    this.text = text;
    this.kind = startLine.kind;
    this.method = startLine.method;
    this.requestUri = startLine.requestUri;
    this.status = startLine.status;
    this.reason = startLine.reason;
    this.version = startLine.version;
    this.#marks = marks;
    this.#bodyStart = body.start;
    this.#bodyEnd = body.end;
  }

  get body(): string {
    return this.text.slice(this.#bodyStart, this.#bodyEnd);
  }

  get fieldCount(): number {
    return this.#marks.length / STRIDE;
  }

  first(name: HeaderName): string | undefined {
    const mark = this.#next(name, fieldId(name), 0);
    return mark < 0 ? undefined : this.#value(mark);
  }

  all(name: HeaderName): readonly string[] {
    return this.#marksOf(name).map((mark) => this.#value(mark));
  }

  rawAll(name: HeaderName): readonly string[] {
    return this.#marksOf(name).map((mark) => this.#rawValue(mark));
  }

  count(name: HeaderName): number {
    const id = fieldId(name);
    let count = 0;
    for (
      let mark = this.#next(name, id, 0);
      mark >= 0;
      mark = this.#next(name, id, mark + STRIDE)
    ) {
      count += 1;
    }
    return count;
  }

  field(index: number): { readonly name: string; readonly value: string } {
    const mark = index * STRIDE;
    const key = this.#mark(mark);
    return {
      name: key >= 0 ? fieldName(key) : this.#unknownName(-1 - key),
      value: this.#value(mark),
    };
  }

  #marksOf(name: HeaderName): number[] {
    const id = fieldId(name);
    const marks: number[] = [];
    for (
      let mark = this.#next(name, id, 0);
      mark >= 0;
      mark = this.#next(name, id, mark + STRIDE)
    ) {
      marks.push(mark);
    }
    return marks;
  }

  /** The mark at or after `from` of the field with that name, or -1. */
  #next(name: string, id: number, from: number): number {
    const marks = this.#marks;
    for (let mark = from; mark < marks.length; mark += STRIDE) {
      const key = this.#mark(mark);
      if (id >= 0 ? key === id : key < 0 && this.#unknownName(-1 - key) === name.toLowerCase()) {
        return mark;
      }
    }
    return -1;
  }

  #unknownName(start: number): string {
    return this.text.slice(start, this.text.indexOf(':', start)).trimEnd().toLowerCase();
  }

  #value(mark: number): string {
    const start = this.#mark(mark + 1);
    const end = this.#mark(mark + 2);
    return end >= 0 ? this.text.slice(start, end) : unfold(this.text.slice(start, -1 - end));
  }

  #rawValue(mark: number): string {
    const end = this.#mark(mark + 2);
    if (end >= 0) return this.#value(mark);
    const raw = this.text.slice(this.#mark(mark + 1), -1 - end);
    // Lines that a bare LF ended are put on one line: we send none.
    return hasBareLineFeed(raw) ? unfold(raw) : raw;
  }

  #mark(position: number): number {
    return this.#marks[position] ?? 0;
  }
}

function hasBareLineFeed(raw: string): boolean {
  for (let lf = raw.indexOf('\n'); lf >= 0; lf = raw.indexOf('\n', lf + 1)) {
    if (raw.charAt(lf - 1) !== '\r') return true;
  }
  return false;
}
