/** One line of a bulk file: from text to a value, with what JSON.parse lets pass in silence. */
import { MAX_DEPTH, type ParsedText, parseYaml } from './parse-yaml.ts';

export type JsonLine =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'broken'; readonly column: number; readonly text: string }
  /** Well-formed, and something stands twice in it. */
  | { readonly kind: 'duplicate' };

/** Longer lines are refused: no registration needs them. */
const MAX_LINE = 16_384;

/** Parses one line; the message of JSON.parse is not used, since it quotes the line. */
export function parseJsonLine(line: string): JsonLine {
  if (line.length > MAX_LINE) {
    return { kind: 'broken', column: 1, text: `the line is longer than ${MAX_LINE} characters` };
  }
  if (line.includes('\uFFFD')) {
    return { kind: 'broken', column: line.indexOf('\uFFFD') + 1, text: 'this is not valid UTF-8' };
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return whyBroken(line, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'broken', column: 1, text: 'a line has to hold one JSON object' };
  }
  return countKeys(value) === countColons(line) ? { kind: 'value', value } : { kind: 'duplicate' };
}

/** The same line with the position of each key, for the few that have a problem. */
export function locateInLine(line: string): ParsedText {
  return parseYaml(line);
}

function whyBroken(line: string, error: unknown): JsonLine {
  const message = error instanceof Error ? error.message : '';
  const column = /column (\d+)/.exec(message)?.[1];
  const isCut = message.includes(' end of ') || Number(column) > line.trimEnd().length;
  if (isCut) {
    const text = 'the line ends too early: is the file cut off?';
    return { kind: 'broken', column: line.length + 1, text };
  }
  if (!line.trimStart().startsWith('{')) {
    return { kind: 'broken', column: 1, text: 'a line has to hold one JSON object' };
  }
  // In short lines the engine names no column.
  return { kind: 'broken', column: Number(column ?? 1), text: 'this is not valid JSON' };
}

/** Keys that JSON.parse kept; deeper ones are left out, so that the count does not match. */
function countKeys(value: object, depth = 0): number {
  let count = 0;
  for (const key in value) {
    const child = (value as Readonly<Record<string, unknown>>)[key];
    if (!Array.isArray(value)) count += 1;
    if (typeof child === 'object' && child !== null && depth < MAX_DEPTH) {
      count += countKeys(child, depth + 1);
    }
  }
  return count;
}

/** Keys that are written: colons outside of texts. */
function countColons(line: string): number {
  let count = 0;
  let isInText = false;
  for (let index = 0; index < line.length; index += 1) {
    const code = line.charCodeAt(index);
    if (code === QUOTE) isInText = !isInText;
    else if (code === BACKSLASH) index += 1;
    else if (code === COLON && !isInText) count += 1;
  }
  return count;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
