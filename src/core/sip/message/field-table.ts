/**
 * The header field names that have a number: recognised in the scan without a copy of the name, in
 * any case and in their compact forms (RFC 3261 sections 7.3.1 and 7.3.3; the IANA registry for the
 * compact forms of extensions).
 */
import { matchesIgnoringCase } from './characters.ts';

/** Canonical name, or the lower-case one where core never asks for it; then the compact form. */
const KNOWN: readonly (readonly [name: string, compact?: string])[] = [
  ['Via', 'v'],
  ['From', 'f'],
  ['To', 't'],
  ['Call-ID', 'i'],
  ['CSeq'],
  ['Contact', 'm'],
  ['Content-Length', 'l'],
  ['Expires'],
  ['WWW-Authenticate'],
  ['Proxy-Authenticate'],
  ['Authentication-Info'],
  ['Max-Forwards'],
  ['Server'],
  ['User-Agent'],
  ['Allow'],
  ['Supported', 'k'],
  ['Require'],
  ['Unsupported'],
  ['Accept'],
  ['Authorization'],
  ['Proxy-Authorization'],
  ['Content-Type', 'c'],
  ['Min-Expires'],
  ['Record-Route'],
  ['Route'],
  ['Retry-After'],
  ['Warning'],
  ['accept-contact', 'a'],
  ['referred-by', 'b'],
  ['request-disposition', 'd'],
  ['content-encoding', 'e'],
  ['reject-contact', 'j'],
  ['identity-info', 'n'],
  ['event', 'o'],
  ['refer-to', 'r'],
  ['subject', 's'],
  ['allow-events', 'u'],
  ['session-expires', 'x'],
  ['identity', 'y'],
];

interface Spelling {
  readonly text: string;
  readonly lower: string;
  readonly id: number;
}

const IDS: ReadonlyMap<string, number> = new Map(
  KNOWN.flatMap(([name], id) => [
    [name, id],
    [name.toLowerCase(), id],
  ]),
);

const SPELLINGS: ReadonlyMap<number, readonly Spelling[]> = spellings();

/** The number of a known field, -1 for any other. Takes canonical and lower-case names. */
export function fieldId(name: string): number {
  return IDS.get(name) ?? IDS.get(name.toLowerCase()) ?? -1;
}

/** The name that goes with a number that `fieldId` or `fieldIdAt` gave. */
export function fieldName(id: number): string {
  return KNOWN[id]?.[0] ?? '';
}

/** The number of the field whose name stands in `text` from `start` to `end`, or -1. */
export function fieldIdAt(text: string, start: number, end: number): number {
  const candidates = SPELLINGS.get(bucketOf(end - start, text.charCodeAt(start)));
  if (candidates === undefined) return -1;
  for (const { text: usual, lower, id } of candidates) {
    if (text.startsWith(usual, start) || matchesIgnoringCase(text, start, lower)) return id;
  }
  return -1;
}

/** Same for both cases of the first letter; different letters may share one, and are compared. */
function bucketOf(length: number, firstCode: number): number {
  return (length << 5) | (firstCode & 31);
}

function spellings(): Map<number, Spelling[]> {
  const buckets = new Map<number, Spelling[]>();
  KNOWN.forEach((names, id) => {
    for (const text of names) {
      if (text === undefined) continue;
      const bucket = bucketOf(text.length, text.charCodeAt(0));
      const spelling = { text, lower: text.toLowerCase(), id };
      buckets.set(bucket, [...(buckets.get(bucket) ?? []), spelling]);
    }
  });
  return buckets;
}

export const CONTENT_LENGTH: number = fieldId('Content-Length');
