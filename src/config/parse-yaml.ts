/**
 * YAML text (or JSON, which is YAML) to plain values with the position of every key and value. Pure;
 * runs in a worker thread for files and directly for single lines. Aliases, duplicate keys, foreign
 * tags, deep nesting and names that JavaScript treats specially are refused here, so that a bomb
 * never unfolds and nothing that was written twice is lost in silence.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { firstWord } from './problem.ts';

/** What came out of one text; small enough to be copied from thread to thread. */
export interface ParsedText {
  readonly value: unknown;
  /**
   * Line and column of each node, in the order of the value: for a map itself, then key and value
   * of each entry; for a list itself, then its items. See source-map.ts.
   */
  readonly positions: Uint32Array;
  readonly problems: readonly TextProblem[];
}

interface TextProblem {
  readonly line: number;
  readonly column: number;
  readonly path: readonly (string | number)[];
  readonly text: string;
  readonly hint?: string;
}

/** Nesting that no honest configuration needs. */
export const MAX_DEPTH = 32;
const MAX_PROBLEMS = 200;

/** Names that reach into the prototype of an object. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);

/** Never throws for any text. */
export function parseYaml(text: string): ParsedText {
  const lines = new LineCounter();
  // Pretty errors quote the source, which may hold passwords; duplicates are found below in linear time.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    version: '1.2',
    merge: false,
  });
  const reader = new NodeReader(lines);
  for (const error of document.errors.slice(0, MAX_PROBLEMS)) {
    reader.complain(error.pos[0], [], describeYamlError(error.code));
  }
  for (const warning of document.warnings.slice(0, MAX_PROBLEMS)) {
    reader.complain(warning.pos[0], [], 'this YAML tag or directive is not used here');
  }
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    reader.complain(0, [], 'only YAML 1.2 is read');
  }
  if (document.errors.length > 0) {
    return { value: undefined, positions: new Uint32Array(0), problems: reader.problems };
  }
  const value = reader.read(document.contents, [], 0);
  return { value, positions: Uint32Array.from(reader.positions), problems: reader.problems };
}

class NodeReader {
  readonly problems: TextProblem[] = [];
  readonly positions: number[] = [];
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  complain(offset: number, path: readonly (string | number)[], text: string): void {
    if (this.problems.length >= MAX_PROBLEMS) return;
    const { line, column } = this.#at(offset);
    this.problems.push({ line, column, path, text });
  }

  read(
    node: ParsedNode | Node | null,
    path: readonly (string | number)[],
    fallback: number,
  ): unknown {
    const offset = node?.range?.[0] ?? fallback;
    this.#mark(offset);
    if (path.length > MAX_DEPTH) {
      this.complain(offset, path, `is nested deeper than ${MAX_DEPTH} levels`);
      return undefined;
    }
    if (isMap(node)) return this.#readMap(node, path, offset);
    if (isSeq(node)) return this.#readList(node, path, offset);
    if (isAlias(node)) {
      this.complain(offset, path, 'an alias stands here; write the value itself, or use presets');
      return undefined;
    }
    return isScalar(node) ? this.#readScalar(node.value) : null;
  }

  #readScalar(value: unknown): unknown {
    return typeof value === 'bigint' ? Number(value) : value;
  }

  #readList(node: YAMLSeq, path: readonly (string | number)[], offset: number): unknown[] {
    return node.items.map((item, index) =>
      this.read(item as Node | null, [...path, index], offset),
    );
  }

  #readMap(
    node: YAMLMap,
    path: readonly (string | number)[],
    offset: number,
  ): Record<string, unknown> {
    const entries = this.#entriesOf(node, path, offset);
    const value: Record<string, unknown> = {};
    for (const name of entries.keys()) value[name] = undefined;
    // Names that look like numbers come first in an object; the positions follow its order.
    for (const name of Object.keys(value)) {
      const entry = entries.get(name);
      if (entry === undefined) continue;
      this.#mark(entry.offset);
      value[name] = this.read(entry.node, [...path, name], entry.offset);
    }
    return value;
  }

  #entriesOf(
    node: YAMLMap,
    path: readonly (string | number)[],
    offset: number,
  ): Map<string, { readonly offset: number; readonly node: Node | null }> {
    const entries = new Map<string, { readonly offset: number; readonly node: Node | null }>();
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      const keyOffset = key?.range?.[0] ?? offset;
      const name = isScalar(key) ? (key.source ?? String(key.value)) : undefined;
      const first = entries.get(name ?? '')?.offset;
      const refusal = this.#whyRefused(name, keyOffset, first);
      if (refusal !== undefined) {
        this.complain(keyOffset, name === undefined ? path : [...path, name], refusal);
      } else if (name !== undefined) {
        entries.set(name, { offset: keyOffset, node: pair.value as Node | null });
      }
    }
    return entries;
  }

  #whyRefused(name: string | undefined, offset: number, first: number | undefined) {
    if (name === undefined || name === '') return 'a key has to be a plain word';
    if (FORBIDDEN_KEYS.has(name)) return `the key ${name} is not allowed anywhere`;
    if (first === undefined) return undefined;
    const { line } = this.#at(first);
    const where = line === this.#at(offset).line ? '' : `; the first is in line ${line}`;
    return `${quoted(name)} stands here again${where}`;
  }

  #mark(offset: number): void {
    const { line, column } = this.#at(offset);
    this.positions.push(line, column);
  }

  #at(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** A key or a name for people: its first word, cut, and without characters that would disturb a terminal. */
export function quoted(name: string): string {
  const clean = name.replace(/[^\x20-\x7e]/g, '?');
  const shown = firstWord(clean).slice(0, 40);
  return `'${shown}${shown === clean ? '' : '...'}'`;
}

function describeYamlError(code: string): string {
  return YAML_ERRORS.get(code) ?? `this is no valid YAML (${code})`;
}

/** The sentences of the YAML library may quote the text, so we have our own. */
const YAML_ERRORS: ReadonlyMap<string, string> = new Map([
  ['BAD_INDENT', 'the indentation is wrong here, or a bracket or quote above is not closed'],
  ['TAB_AS_INDENT', 'a tab cannot indent; use spaces'],
  ['MISSING_CHAR', 'a quote, comma or bracket is missing here'],
  ['UNEXPECTED_TOKEN', 'this does not belong here'],
  ['MULTIPLE_DOCS', 'a second YAML document begins here; only one is read'],
  ['RESOURCE_EXHAUSTION', `is nested deeper than ${MAX_DEPTH} levels`],
  ['MULTILINE_IMPLICIT_KEY', 'a key has to fit on one line; is a colon or quote missing?'],
  ['BLOCK_AS_IMPLICIT_KEY', 'a nested map needs its own line; is the indentation right?'],
  ['BAD_SCALAR_START', 'a plain text cannot begin with this character; quote it'],
  ['BLOCK_IN_FLOW', 'a nested map or list cannot begin here; quote a text that holds a colon'],
  ['BAD_DQ_ESCAPE', 'this escape sequence does not exist'],
  ['KEY_OVER_1024_CHARS', 'a key is longer than 1024 characters'],
]);
