/** Reads and parses one YAML file, at once: for the threads that may wait for it. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ParsedText, parseYaml } from './parse-yaml.ts';
import { READ, whyUnreadable } from './secrets.ts';

/** A parsed text, or why there is none. */
export type YamlAnswer =
  | { readonly kind: 'parsed'; readonly parsed: ParsedText }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Larger files are refused before they are read. */
const MAX_BYTES = 256 * 1024 * 1024;

export function readYaml(path: string): YamlAnswer {
  const text = readText(path);
  if (typeof text !== 'string') return { kind: 'unreadable', reason: text.reason };
  return { kind: 'parsed', parsed: parseYaml(text) };
}

function readText(path: string): string | { readonly reason: string } {
  let descriptor: number;
  try {
    descriptor = openSync(path, READ);
  } catch (error) {
    return { reason: whyUnreadable(error) };
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { reason: 'is not a regular file' };
    if (stat.size > MAX_BYTES) return { reason: 'is larger than 256 MiB' };
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor));
  } catch (error) {
    return { reason: error instanceof TypeError ? 'is not valid UTF-8' : whyUnreadable(error) };
  } finally {
    closeSync(descriptor);
  }
}
