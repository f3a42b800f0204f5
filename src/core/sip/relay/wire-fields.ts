/**
 * A parsed message cut into its header fields as they stand on the wire, for sending it on: what is not
 * changed leaves octet by octet as it came. Line ends become CR LF, since others may read a bare LF in
 * another way than we do.
 */
import { isBlankCode } from '../message/characters.ts';
import { fieldIdAt, fieldName } from '../message/field-table.ts';
import type { SipMessage } from '../message/message.ts';
import { isLineBlank } from '../message/scan.ts';

export interface WireField {
  /** In lower case, never the compact form. */
  readonly name: string;
  /** The whole field, with its continuation lines and the last line end. */
  readonly text: string;
  /** What stands behind the colon, as it came: with continuation lines, without the last line end. */
  readonly value: string;
}

/** For messages that the parser took. */
export function wireFields({ text }: SipMessage): readonly WireField[] {
  const fields: WireField[] = [];
  let at = text.indexOf('\n', skipLineEnds(text)) + 1;
  while (at > 0 && !isEmptyLine(text, at)) {
    const next = endOfField(text, at);
    fields.push(readField(text, at, next));
    at = next;
  }
  return fields;
}

/** Header fields of that kind are ours alone: nobody else may write them, and nobody else may read them. */
export function isOwnField({ name }: WireField): boolean {
  return name.startsWith('x-trunkd-');
}

/** Is there an octet that other parsers may take for the end of a text, or of a line? */
export function isAmbiguous({ reason }: SipMessage, fields: readonly WireField[]): boolean {
  return /[\0\r]/.test(reason) || fields.some(({ text }) => text.indexOf('\0') >= 0);
}

/** The body and what leads to it; a stream needs the length that a datagram may leave out. */
export function ending(message: SipMessage): string {
  const { body } = message;
  const isTold = message.count('Content-Length') > 0;
  return isTold ? `\r\n${body}` : `Content-Length: ${body.length}\r\n\r\n${body}`;
}

function readField(text: string, start: number, next: number): WireField {
  const colon = text.indexOf(':', start);
  let nameEnd = colon;
  while (nameEnd > start && isBlankCode(text.charCodeAt(nameEnd - 1))) nameEnd -= 1;
  const id = fieldIdAt(text, start, nameEnd);
  const name = (id < 0 ? text.slice(start, nameEnd) : fieldName(id)).toLowerCase();
  const lines = text.slice(start, next).replace(/\r?\n/g, '\r\n');
  return { name, text: lines, value: bareValue(lines, colon + 1 - start) };
}

/** Only the blanks of SIP go: a string's own trim() would take octets of UTF-8 with them. */
function bareValue(lines: string, start: number): string {
  let from = start;
  let to = lines.length;
  while (from < to && isLineBlank(lines.charCodeAt(from))) from += 1;
  while (to > from && isLineBlank(lines.charCodeAt(to - 1))) to -= 1;
  return lines.slice(from, to);
}

function endOfField(text: string, start: number): number {
  for (let lf = text.indexOf('\n', start); lf >= 0; lf = text.indexOf('\n', lf + 1)) {
    if (!isBlankCode(text.charCodeAt(lf + 1))) return lf + 1;
  }
  return text.length;
}

function isEmptyLine(text: string, at: number): boolean {
  return at >= text.length || text.charAt(at) === '\n' || text.startsWith('\r\n', at);
}

function skipLineEnds(text: string): number {
  let at = 0;
  while (text.charAt(at) === '\r' || text.charAt(at) === '\n') at += 1;
  return at;
}
