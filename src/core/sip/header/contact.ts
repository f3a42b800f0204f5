/** The Contact header field, as registrars list bindings in it: RFC 3261 sections 10.2.4 and 20.10. */
import type { SipMessage } from '../message/message.ts';
import { MALFORMED_EXPIRES_SEC, parseDeltaSeconds } from './expires.ts';
import { parseNameAddr, splitList } from './name-addr.ts';
import type { Params } from './params.ts';

export interface Contact {
  /** As received, without angle brackets. */
  readonly uri: string;
  /** The `expires` parameter; undefined when absent, 3600 when malformed (section 20.10). */
  readonly expiresSec: number | undefined;
  /** 0 to 1; undefined when absent or malformed. */
  readonly q: number | undefined;
  /** Header parameters: names in lower case, values without quotes. */
  readonly params: Params;
}

/** Every contact in order; those that cannot be read are left out. `*` when that is all there is. */
export function contactsOf(message: SipMessage): readonly Contact[] | '*' {
  const lines = message.all('Contact');
  if (lines.length === 1 && lines[0] === '*') return '*';
  const contacts: Contact[] = [];
  for (const line of lines) {
    for (const member of splitList(line)) {
      const contact = parseContact(member);
      if (contact !== undefined) contacts.push(contact);
    }
  }
  return contacts;
}

/** Reads one contact; undefined when it is malformed or `*`. */
export function parseContact(value: string): Contact | undefined {
  const address = value === '*' ? undefined : parseNameAddr(value);
  if (address === undefined) return undefined;
  const { uri, params } = address;
  return { uri, expiresSec: expiresParam(params), q: preference(params.get('q')), params };
}

function expiresParam(params: Params): number | undefined {
  if (!params.has('expires')) return undefined;
  return parseDeltaSeconds(params.get('expires') ?? '') ?? MALFORMED_EXPIRES_SEC;
}

function preference(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text)) return undefined;
  return Number(text);
}
