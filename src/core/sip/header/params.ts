/**
 * The `;name=value` lists that end most header fields (generic-param, RFC 3261 section 25.1). One
 * cursor walks them without making strings; a map is for those who need all of them.
 *
 * Lenient where real traffic needs it: empty parameters (`;;`, printed in RFC 5626 itself), blanks
 * around `;` and `=`, any octets in an unquoted value but `;`, `,`, `"` and blanks.
 */
import {
  COMMA,
  closingQuote,
  EQUALS,
  isBlankCode,
  matchesIgnoringCase,
  QUOTE,
  SEMICOLON,
  skipBlanks,
  unescapeQuoted,
} from '../message/characters.ts';

export type Params = ReadonlyMap<string, string | undefined>;

/** Shared by everything that has no parameters. */
const NO_PARAMS: Params = new Map();

/** Walks the parameters of `text` from a position where a `;` (or the end) is due. */
export class ParamCursor {
  /** True once something was met that is no parameter; `next` gives false from then on. */
  isFaulty = false;
  readonly #text: string;
  #at: number;
  #nameStart = 0;
  #nameEnd = 0;
  /** -1: the parameter has no value. */
  #valueStart = -1;
  #valueEnd = -1;
  #isQuoted = false;

  constructor(text: string, from: number) {
    this.#text = text;
    this.#at = from;
  }

  /** Where the parameter that `next` found begins, its `;` not included; for cutting it out. */
  get start(): number {
    return this.#nameStart;
  }

  /** Where it ends. */
  get end(): number {
    return this.#at;
  }

  /** Steps to the next parameter; false at the end. */
  next(): boolean {
    const text = this.#text;
    let at = skipBlanks(text, this.#at);
    if (this.isFaulty || at >= text.length) return false;
    if (text.charCodeAt(at) !== SEMICOLON) return this.#fail();
    while (at < text.length && text.charCodeAt(at) === SEMICOLON) at = skipBlanks(text, at + 1);
    if (at >= text.length) return false;
    return this.#readParam(at);
  }

  isNamed(lower: string): boolean {
    return (
      this.#nameEnd - this.#nameStart === lower.length &&
      matchesIgnoringCase(this.#text, this.#nameStart, lower)
    );
  }

  /** In lower case. */
  name(): string {
    return this.#text.slice(this.#nameStart, this.#nameEnd).toLowerCase();
  }

  /** Without quotes and their backslashes; undefined when there is no `=`. */
  value(): string | undefined {
    if (this.#valueStart < 0) return undefined;
    const raw = this.#text.slice(this.#valueStart, this.#valueEnd);
    return this.#isQuoted ? unescapeQuoted(raw) : raw;
  }

  #readParam(start: number): boolean {
    const text = this.#text;
    this.#nameStart = start;
    this.#nameEnd = this.#endOfWord(start);
    this.#valueStart = -1;
    this.#isQuoted = false;
    if (this.#nameEnd === start) return this.#fail();
    const equals = skipBlanks(text, this.#nameEnd);
    if (text.charCodeAt(equals) !== EQUALS) {
      this.#at = this.#nameEnd;
      return true;
    }
    const value = skipBlanks(text, equals + 1);
    return text.charCodeAt(value) === QUOTE ? this.#readQuoted(value) : this.#readPlain(value);
  }

  #readPlain(start: number): boolean {
    const text = this.#text;
    let at = start;
    // An equals sign inside a value does no harm: `nonce==` and the like are sent.
    while (
      at < text.length &&
      (isWordCode(text.charCodeAt(at)) || text.charCodeAt(at) === EQUALS)
    ) {
      at += 1;
    }
    this.#valueStart = start;
    this.#valueEnd = at;
    this.#at = at;
    return true;
  }

  #readQuoted(open: number): boolean {
    const close = closingQuote(this.#text, open);
    if (close < 0) return this.#fail();
    this.#valueStart = open + 1;
    this.#valueEnd = close;
    this.#isQuoted = true;
    this.#at = close + 1;
    return true;
  }

  #endOfWord(start: number): number {
    let at = start;
    while (at < this.#text.length && isWordCode(this.#text.charCodeAt(at))) at += 1;
    return at;
  }

  #fail(): boolean {
    this.isFaulty = true;
    return false;
  }
}

/** All parameters of `text` from `from` on; undefined when they are malformed. The first of a name counts. */
export function parseParams(text: string, from: number): Params | undefined {
  const cursor = new ParamCursor(text, from);
  let params: Map<string, string | undefined> | undefined;
  while (cursor.next()) {
    params ??= new Map();
    const name = cursor.name();
    if (!params.has(name)) params.set(name, cursor.value());
  }
  return cursor.isFaulty ? undefined : (params ?? NO_PARAMS);
}

function isWordCode(code: number): boolean {
  return (
    code !== SEMICOLON && code !== COMMA && code !== QUOTE && code !== EQUALS && !isBlankCode(code)
  );
}
