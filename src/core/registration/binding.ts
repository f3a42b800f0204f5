/**
 * Which of the bindings that a registrar lists is ours, and how long it granted it: RFC 3261
 * sections 10.2.1.1 and 10.2.4. URIs are compared by section 19.1.4; registrars that rewrite
 * Contacts (NAT, session borders) are understood as far as that is safe.
 */
import { type Contact, contactsOf } from '../sip/header/contact.ts';
import { expiresOf, parseDeltaSeconds } from '../sip/header/expires.ts';
import type { SipMessage } from '../sip/message/message.ts';
import { parseUri, type SipUri, sameBinding } from '../sip/message/uri.ts';

/** Longer grants are used as if they were a week. */
const LONGEST_GRANT_SEC = 604_800;
/** What is listed under a foreign address and ends within seconds is somebody else's old binding. */
const BELIEVABLE_SEC = 15;

export interface OwnBinding {
  readonly grantedSec: number;
  /** `own`: the same URI; `rewritten`: the only one that can be it; `shortest`: of several. */
  readonly match: 'own' | 'rewritten' | 'shortest';
}

/** Our binding in a 2xx; undefined when it is not there or was granted no time. */
export function ownBinding(
  response: SipMessage,
  contactUri: string,
  askedSec: number,
): OwnBinding | undefined {
  const plain = plainGrant(response, contactUri);
  if (plain !== undefined) return plain > 0 ? granted(plain, 'own') : undefined;
  const contacts = contactsOf(response);
  if (contacts === '*') return undefined;
  const headerSec = expiresOf(response) ?? askedSec;
  const own = parseUri(contactUri);
  const mine = contacts.find((contact) => isOurs(contact, contactUri, own));
  if (mine === undefined) return rewrittenBinding(contacts, own?.user, headerSec, askedSec);
  const grantedSec = mine.expiresSec ?? headerSec;
  return grantedSec > 0 ? granted(grantedSec, 'own') : undefined;
}

/** What can be our binding under another address: of our user if any are, else the only one. */
function rewrittenBinding(
  contacts: readonly Contact[],
  user: string | undefined,
  headerSec: number,
  askedSec: number,
): OwnBinding | undefined {
  const leastSec = Math.min(BELIEVABLE_SEC, Math.max(1, askedSec / 2));
  const believable = contacts.filter(({ expiresSec }) => (expiresSec ?? headerSec) >= leastSec);
  const ofOurUser = believable.filter(({ uri }) => parseUri(uri)?.user === user);
  const candidates = ofOurUser.length > 0 ? ofOurUser : believable;
  if (candidates.length === 0) return undefined;
  const shortest = Math.min(...candidates.map(({ expiresSec }) => expiresSec ?? headerSec));
  return granted(shortest, candidates.length === 1 ? 'rewritten' : 'shortest');
}

/** The usual answer, read without taking it apart: one Contact, our very URI, its expiry first. */
function plainGrant(response: SipMessage, contactUri: string): number | undefined {
  const lines = response.all('Contact');
  const line = lines[0];
  if (lines.length !== 1 || line === undefined || !line.startsWith(contactUri, 1)) return undefined;
  const end = contactUri.length + 1;
  if (line.charAt(0) !== '<' || !line.startsWith(PARAMETER, end)) return undefined;
  const from = end + PARAMETER.length;
  const rest = line.indexOf(';', from);
  if (rest < 0) return parseDeltaSeconds(line.slice(from));
  // Our instance and reg-id come back behind it; with a comma it may be several Contacts.
  return line.indexOf(',', rest) < 0 ? parseDeltaSeconds(line.slice(from, rest)) : undefined;
}

const PARAMETER = '>;expires=';

function isOurs(contact: Contact, contactUri: string, own: SipUri | undefined): boolean {
  if (contact.uri === contactUri) return true;
  const uri = own === undefined ? undefined : parseUri(contact.uri);
  return uri !== undefined && own !== undefined && sameBinding(uri, own);
}

function granted(expiresSec: number, match: OwnBinding['match']): OwnBinding {
  return { grantedSec: Math.min(expiresSec, LONGEST_GRANT_SEC), match };
}
