/**
 * Where a 301, 302 or 305 may lead a REGISTER: RFC 3261 sections 8.1.3.4 and 21.3. Only within the
 * same domain, never from sips (or a TLS hop) to anything less, by `q`, no URI twice, three at most
 * in a cycle. The address of record stays; the Request-URI, and with it the digest, is the new one.
 * Pure.
 */
import { type Contact, contactsOf } from '../sip/header/contact.ts';
import { expiresOf } from '../sip/header/expires.ts';
import { bareHost } from '../sip/locate/domain-name.ts';
import { parseIpLiteral } from '../sip/locate/ip-literal.ts';
import type { NextHop, TransportProtocol } from '../sip/locate/target.ts';
import type { SipMessage } from '../sip/message/message.ts';
import { parseUri, printUri, type SipUri } from '../sip/message/uri.ts';
import { detached } from '../sip/message/wire-text.ts';
import type { RegistrationProfile } from './spec.ts';

/** `redirects: sameDomain`; a profile without it follows none. */
export interface RedirectPolicy {
  /** Besides the domain itself and what lies below it: the host of the configured registrar. */
  readonly registrarHost: string;
  /** An outbound proxy stays the next hop, whatever the Request-URI says. */
  readonly keepsHop: boolean;
}

/** One URI that a registrar pointed to, and how a request gets there. */
export interface Place {
  readonly requestUri: string;
  readonly hop: NextHop;
  readonly tls: RegistrationProfile['tls'];
  readonly localSocket: string | undefined;
  /** For how long it may be used for further requests; 0: for this one only. */
  readonly validSec: number;
}

/** What a registrar that moved for good is worth at most, before the configured one is asked again. */
const LONGEST_VALID_SEC = 86_400;
/** Further Contacts of one answer are not looked at. */
const MOST_PLACES = 8;

export function isRedirection(status: number): boolean {
  return status === 301 || status === 302 || status === 305;
}

/** Those of its Contacts that may be followed, the preferred one first. */
export function placesOf(
  response: SipMessage,
  profile: RegistrationProfile,
  policy: RedirectPolicy,
): readonly Place[] {
  const contacts = contactsOf(response);
  if (contacts === '*') return [];
  const wideSec = expiresOf(response) ?? (response.status === 301 ? LONGEST_VALID_SEC : 0);
  return contacts
    .slice(0, MOST_PLACES)
    .toSorted((a, b) => (b.q ?? 1) - (a.q ?? 1))
    .flatMap((contact) => placeOf(contact, wideSec, profile, policy) ?? []);
}

function placeOf(
  { uri: text, expiresSec }: Contact,
  wideSec: number,
  profile: RegistrationProfile,
  policy: RedirectPolicy,
): Place | undefined {
  const uri = parseUri(text);
  if (uri === undefined || !isWithin(uri.host, profile.domain, policy.registrarHost)) {
    return undefined;
  }
  const protocol = protocolOf(uri, profile);
  // Whoever sends elsewhere than the URI's host (maddr) is not within the domain by its name.
  if (protocol === 'none' || uri.params.has('maddr')) return undefined;
  const { hop, tls } = profile;
  const host = detached(uri.host);
  // Addresses given in place of the DNS are those of the configured host.
  const { addresses, ...way } = hop;
  const isSameHost = bareHost(host) === bareHost(hop.host);
  const isOwnHost = tls.identity === bareHost(hop.host);
  // What we open ourselves leads to a proxy of ours, or to the outbound proxy: that stays as it is.
  const isDirect = !policy.keepsHop && hop.via === undefined;
  return {
    requestUri: requestUriOf(uri),
    hop: policy.keepsHop
      ? hop
      : {
          ...(addresses !== undefined && isSameHost ? hop : way),
          ...{ host, port: uri.port, protocol, secure: uri.scheme === 'sips' },
        },
    tls: isOwnHost && isDirect ? { ...tls, identity: host } : tls,
    localSocket: isDirect && protocol !== hop.protocol ? undefined : profile.localSocket,
    validSec: Math.min(expiresSec ?? wideSec, LONGEST_VALID_SEC),
  };
}

/** The domain, a name below it, or the very host of the registrar; an IP address is only itself. */
function isWithin(host: string, domain: string, registrarHost: string): boolean {
  const name = bareHost(host);
  const allowed = bareHost(domain);
  if (name === allowed || name === bareHost(registrarHost)) return true;
  return parseIpLiteral(allowed) === undefined && name.endsWith(`.${allowed}`);
}

/** Never less protected than what is configured; `none`: not to be followed. */
function protocolOf(
  { scheme, params }: SipUri,
  { hop, scheme: ownScheme }: RegistrationProfile,
): TransportProtocol | undefined | 'none' {
  if ((hop.secure || ownScheme === 'sips') && scheme !== 'sips') return 'none';
  const named = params.get('transport')?.toLowerCase();
  const isKnown = named === undefined || named === 'udp' || named === 'tcp' || named === 'tls';
  if (!isKnown) return 'none';
  if (scheme === 'sips') return named === 'udp' ? 'none' : 'tls';
  const protocol = named ?? hop.protocol;
  return hop.protocol === 'tls' && protocol !== 'tls' ? 'none' : protocol;
}

/** RFC 3261 sections 10.2 and 19.1.5: no user, no headers, no method. */
function requestUriOf(uri: SipUri): string {
  const params = new Map(uri.params);
  params.delete('method');
  params.delete('lr');
  return detached(
    printUri({ ...uri, user: undefined, password: undefined, headers: undefined, params }),
  );
}
