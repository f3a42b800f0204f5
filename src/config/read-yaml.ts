/** Reads and parses one YAML file, at once: for the threads that may wait for it. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ParsedText, parseYaml } from './parse-yaml.ts';
import { READ, whyUnreadable } from './secrets.ts';

/** A parsed text, or why there is none. */
export type YamlAnswer = { readonly kind: 'parsed'; readonly parsed: ParsedText } | Unreadable;

interface Unreadable {
  readonly kind: 'unreadable';
  readonly reason: string;
  /** Where that begins, where it has a place. */
  readonly at?: { readonly line: number; readonly column: number };
}

/** Larger files are refused before they are read. */
const MAX_BYTES = 256 * 1024 * 1024;

export function readYaml(path: string): YamlAnswer {
  const text = readText(path);
  if (typeof text !== 'string') return text;
  return { kind: 'parsed', parsed: parseYaml(text) };
}

function readText(path: string): string | Unreadable {
  let descriptor: number;
  try {
    descriptor = openSync(path, READ);
  } catch (error) {
    return unreadable(whyUnreadable(error));
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return unreadable('is not a regular file');
    if (stat.size > MAX_BYTES) return unreadable('is larger than 256 MiB');
    const octets = readFileSync(descriptor);
    return decoded(octets) ?? { ...unreadable('is not valid UTF-8'), at: firstInvalid(octets) };
  } catch (error) {
    return unreadable(whyUnreadable(error));
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(reason: string): Unreadable {
  return { kind: 'unreadable', reason };
}

function decoded(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Text in another encoding has mostly one such letter, somewhere; no other character holds the octet of a newline. */
function firstInvalid(octets: Uint8Array): { readonly line: number; readonly column: number } {
  let start = 0;
  for (let line = 1; start < octets.length; line += 1) {
    const newline = octets.indexOf(0x0a, start);
    const end = newline < 0 ? octets.length : newline;
    const text = octets.subarray(start, end);
    if (decoded(text) === undefined)
      return { line, column: new TextDecoder().decode(text).indexOf('\uFFFD') + 1 };
    start = end + 1;
  }
  return { line: 1, column: 1 };
}
