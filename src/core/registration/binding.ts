/**
 * Which of the bindings that a registrar lists is ours, and how long it granted it: RFC 3261
 * sections 10.2.1.1 and 10.2.4. The first of these that finds one decides:
 *
 *   1  +sip.instance and reg-id            RFC 5626 section 4.2, where we offered them
 *   2  the same URI                        RFC 3261 section 19.1.4, RFC 6140 section 5.2 (bnc)
 *   3  our line parameter, or our user     if one Contact has it
 *   4  our user at our address             advertised, or as the registrar saw us (RFC 3581)
 *   5  our user, which nobody else has     several: by the shortest expiry
 *   6  the only Contact                    rewritten by a session border controller
 *
 * None: then the registrar does not hold our binding, whatever its 200 says.
 */
import { type Contact, contactsOf } from '../sip/header/contact.ts';
import { expiresOf, parseDeltaSeconds } from '../sip/header/expires.ts';
import { topVia } from '../sip/header/via.ts';
import type { SipMessage } from '../sip/message/message.ts';
import { parseUri, type SipUri, sameBinding } from '../sip/message/uri.ts';
import type { OutboundOffer } from './outbound.ts';

/** Longer grants are used as if they were a week. */
const LONGEST_GRANT_SEC = 604_800;
/** What is listed under a foreign address and ends within seconds is somebody else's old binding. */
const BELIEVABLE_SEC = 15;
/** Bindings of others that are looked at one by one; the rest is counted. */
const MOST_LISTED = 8;

/** By what we know a binding as ours. URIs are wire text, as they were sent. */
export interface OwnMarks {
  readonly contactUri: string;
  /** Further Contacts of the same registration. */
  readonly moreUris?: readonly string[];
  /** Asked only where the answer does not settle it at once. */
  readonly offer?: () => OutboundOffer | undefined;
  /** Value of our `line` parameter. */
  readonly line?: string | undefined;
  /** True where the user of our Contact is a token of ours, which no other device has. */
  readonly isOwnUser?: boolean;
}

export interface OwnBinding {
  readonly grantedSec: number;
  /** `own`: certainly; `rewritten`: the one that can be it; `shortest`: of several of our user. */
  readonly match: 'own' | 'rewritten' | 'shortest';
  /** Undefined for the usual answer, which lists nothing but our very Contact. */
  readonly listing?: Listing;
}

/** What else the list of Contacts tells. */
export interface Listing {
  readonly own: Contact;
  /** Bindings that are not ours: the first ones. */
  readonly others: readonly OtherBinding[];
  /** All of them. */
  readonly otherCount: number;
  /** Contacts that we registered as well and that are not listed. */
  readonly missing: readonly string[];
}

export interface OtherBinding {
  /** Wire text. */
  readonly uri: string;
  readonly expiresSec: number | undefined;
  /** It has our user, so it is likely an old one of ours. */
  readonly isStale: boolean;
}

/** Our binding in a 2xx; undefined when it is not there or was granted no time. */
export function ownBinding(
  response: SipMessage,
  marks: OwnMarks,
  askedSec: number,
): OwnBinding | undefined {
  const plain = plainGrant(response, marks);
  if (plain !== undefined) return plain > 0 ? granted(plain, 'own') : undefined;
  const contacts = contactsOf(response);
  if (contacts === '*') return undefined;
  const list = new ContactList(response, contacts, marks, askedSec);
  const found = list.find();
  if (found === undefined) return undefined;
  const more = list.more(found.own);
  const grantedSec = Math.min(...[found.own, ...more.listed].map((one) => list.expiresSec(one)));
  if (grantedSec <= 0) return undefined;
  const ours = new Set([found.own, ...more.listed]);
  return granted(grantedSec, found.match, {
    own: found.own,
    ...list.others(ours),
    missing: more.missing,
  });
}

/** One binding of a whole list, for people. */
export interface ListedBinding {
  /** Wire text. */
  readonly uri: string;
  readonly expiresSec: number | undefined;
  readonly q: number | undefined;
  readonly isOurs: boolean;
}

/** Every binding that a 2xx lists, at most so many. */
const MOST_TOLD = 100;

export function listedBindings(response: SipMessage, marks: OwnMarks): readonly ListedBinding[] {
  const contacts = contactsOf(response);
  if (contacts === '*') return [];
  const list = new ContactList(response, contacts, marks, 2 * BELIEVABLE_SEC);
  const own = list.find()?.own;
  const ours = own === undefined ? [] : [own, ...list.more(own).listed];
  return contacts.slice(0, MOST_TOLD).map((contact) => ({
    uri: contact.uri,
    expiresSec: contact.expiresSec,
    q: contact.q,
    isOurs: ours.includes(contact),
  }));
}

/** The usual answer, read without taking it apart: one Contact, our very URI, its expiry first. */
function plainGrant(response: SipMessage, { contactUri, moreUris }: OwnMarks): number | undefined {
  const lines = response.all('Contact');
  const line = lines[0];
  if (lines.length !== 1 || line === undefined || moreUris !== undefined) return undefined;
  const end = contactUri.length + 1;
  const isPlain = line.startsWith(contactUri, 1) && line.startsWith(PARAMETER, end);
  if (line.charAt(0) !== '<' || !isPlain) return undefined;
  const from = end + PARAMETER.length;
  const rest = line.indexOf(';', from);
  if (rest < 0) return parseDeltaSeconds(line.slice(from));
  // Our instance and reg-id come back behind it; with a comma it may be several Contacts.
  const isWhole = line.indexOf(',', rest) < 0 && line.indexOf('gruu', rest) < 0;
  return isWhole ? parseDeltaSeconds(line.slice(from, rest)) : undefined;
}

const PARAMETER = '>;expires=';

interface Found {
  readonly own: Contact;
  readonly match: OwnBinding['match'];
}

/** The Contacts of one answer, looked at from all sides. */
class ContactList {
  readonly #response: SipMessage;
  readonly #contacts: readonly Contact[];
  readonly #marks: OwnMarks;
  readonly #own: SipUri | undefined;
  readonly #instance: string | undefined;
  readonly #regId: string | undefined;
  readonly #headerSec: number;
  readonly #leastSec: number;

  constructor(
    response: SipMessage,
    contacts: readonly Contact[],
    marks: OwnMarks,
    askedSec: number,
  ) {
    const offer = marks.offer?.();
    this.#response = response;
    this.#contacts = contacts;
    this.#marks = marks;
    this.#own = parseUri(marks.contactUri);
    this.#instance = offer === undefined ? undefined : `<${offer.instance}>`;
    this.#regId = offer === undefined ? undefined : String(offer.regId);
    this.#headerSec = expiresOf(response) ?? askedSec;
    this.#leastSec = Math.min(BELIEVABLE_SEC, Math.max(1, askedSec / 2));
  }

  expiresSec({ expiresSec }: Contact): number {
    return expiresSec ?? this.#headerSec;
  }

  /** The ladder of the head of this file. */
  find(): Found | undefined {
    const flow = this.#contacts.find((contact) => this.#isOurFlow(contact));
    if (flow !== undefined) {
      return { own: flow, match: this.#isSame(flow, this.#own) ? 'own' : 'rewritten' };
    }
    const same = this.#contacts.find((contact) => this.#isSame(contact, this.#own));
    return same === undefined ? this.#findRewritten() : { own: same, match: 'own' };
  }

  /** Further Contacts of ours: those that are listed, and those that are not. */
  more(own: Contact): { readonly listed: readonly Contact[]; readonly missing: readonly string[] } {
    const listed: Contact[] = [];
    const missing: string[] = [];
    for (const uri of this.#marks.moreUris ?? []) {
      const wanted = parseUri(uri);
      const found = this.#contacts.find((one) => one !== own && this.#isSame(one, wanted, uri));
      if (found === undefined) missing.push(uri);
      else listed.push(found);
    }
    return { listed, missing };
  }

  others(ours: ReadonlySet<Contact>): Pick<Listing, 'others' | 'otherCount'> {
    const others = this.#contacts.filter((one) => !ours.has(one) && !this.#isAgainOurs(one, ours));
    return {
      others: others.slice(0, MOST_LISTED).map((one) => ({
        uri: one.uri,
        expiresSec: one.expiresSec,
        // With our instance it is another flow of ours (RFC 5626), not an old one.
        isStale: this.#hasOurUser(one) && !this.#isOurInstance(one),
      })),
      otherCount: others.length,
    };
  }

  /** Another flow of our instance, or one of our Contacts, listed twice. */
  #isAgainOurs(contact: Contact, ours: ReadonlySet<Contact>): boolean {
    if (this.#isOurInstance(contact) || this.#isSame(contact, this.#own)) return true;
    return [...ours].some(({ uri }) => this.#isSame(contact, parseUri(uri), uri));
  }

  #findRewritten(): Found | undefined {
    const believable = this.#contacts.filter(
      (one) => this.expiresSec(one) >= this.#leastSec && !this.#isOtherInstance(one),
    );
    const byLine = believable.filter((one) => this.#hasOurLine(one));
    const ofOurUser =
      byLine.length > 0 ? byLine : believable.filter((one) => this.#hasOurUser(one));
    const [first] = ofOurUser;
    if (first === undefined) {
      const [only] = believable;
      return only === undefined || believable.length > 1
        ? undefined
        : { own: only, match: 'rewritten' };
    }
    if (ofOurUser.length === 1) return { own: first, match: 'rewritten' };
    const atOurPlace = ofOurUser.filter((one) => this.#isAtOurPlace(one));
    if (atOurPlace.length > 0) return { own: this.#shortest(atOurPlace), match: 'rewritten' };
    const isOurs = this.#marks.isOwnUser === true || byLine.length > 0;
    return isOurs ? { own: this.#shortest(ofOurUser), match: 'shortest' } : undefined;
  }

  #shortest(contacts: readonly Contact[]): Contact {
    return contacts.reduce((least, one) =>
      this.expiresSec(one) < this.expiresSec(least) ? one : least,
    );
  }

  #isSame(
    contact: Contact,
    own: SipUri | undefined,
    text: string = this.#marks.contactUri,
  ): boolean {
    if (contact.uri === text) return true;
    const uri = own === undefined ? undefined : parseUri(contact.uri);
    return uri !== undefined && own !== undefined && sameBinding(uri, own);
  }

  #isOurInstance({ params }: Contact): boolean {
    return this.#instance !== undefined && params.get('+sip.instance') === this.#instance;
  }

  #isOurFlow(contact: Contact): boolean {
    const regId = contact.params.get('reg-id') ?? this.#regId;
    return this.#isOurInstance(contact) && regId === this.#regId;
  }

  #isOtherInstance(contact: Contact): boolean {
    const isNamed = this.#instance !== undefined && contact.params.has('+sip.instance');
    return isNamed && !this.#isOurFlow(contact);
  }

  #hasOurLine({ uri }: Contact): boolean {
    const { line } = this.#marks;
    return line !== undefined && parseUri(uri)?.params.get('line') === line;
  }

  #hasOurUser({ uri }: Contact): boolean {
    const parsed = parseUri(uri);
    return parsed !== undefined && this.#own !== undefined && parsed.user === this.#own.user;
  }

  /** Where we said to be, or where the registrar saw the request come from. */
  #isAtOurPlace({ uri }: Contact): boolean {
    const parsed = parseUri(uri);
    if (parsed === undefined) return false;
    if (parsed.host === this.#own?.host && parsed.port === this.#own.port) return true;
    const via = topVia(this.#response);
    return via?.received === parsed.host && (via.rport ?? via.port) === parsed.port;
  }
}

function granted(expiresSec: number, match: OwnBinding['match'], listing?: Listing): OwnBinding {
  const grantedSec = Math.min(expiresSec, LONGEST_GRANT_SEC);
  return listing === undefined ? { grantedSec, match } : { grantedSec, match, listing };
}
