/**
 * One call that somebody wants routed, as asked for: every word of it is hostile until it is read here.
 */
import { toUserPart } from './user-part.ts';

/** As a proxy sends it; nothing is checked yet. */
export interface CallQuestion {
  readonly contract: string;
  /** The called and the calling number: user parts of the Request-URI and of From. */
  readonly to: string;
  readonly from: string;
  /** For `balance: hash`; the calling number without it. */
  readonly key?: string | undefined;
  /** Host[:port] of From, PAI and RPID where the configuration names none. */
  readonly domain?: string | undefined;
  /** The realm of a challenge: that of the credentials, where the configuration names none or several. */
  readonly realm?: string | undefined;
}

/** A question whose words may stand in a SIP message. */
export interface Call {
  /** User parts, escaped. */
  readonly called: string;
  readonly calling: string;
  readonly isAnonymous: boolean;
  readonly key: string;
  /** Without a port. */
  readonly host: string | undefined;
  readonly realm: string | undefined;
}

export type CallReading =
  | { readonly ok: true; readonly call: Call }
  | { readonly ok: false; readonly parameter: keyof CallQuestion; readonly text: string };

export function readCall(question: CallQuestion): CallReading {
  // A number that begins with a space began with a + that nobody escaped.
  if (question.to.startsWith(' ')) return wrong('to', BARE_PLUS);
  if (question.from.startsWith(' ')) return wrong('from', BARE_PLUS);
  const called = toUserPart(question.to);
  if (called === undefined) return wrong('to', NUMBER);
  const calling = toUserPart(question.from);
  if (calling === undefined) return wrong('from', NUMBER);
  const { domain, realm } = question;
  const host = domain === undefined ? undefined : hostOf(domain);
  if (domain !== undefined && host === undefined) {
    return wrong('domain', 'has to be a host name or an IP address, with a port or without');
  }
  // A realm is hashed only; it stands in no message of ours.
  const key = question.key ?? question.from;
  const isAnonymous = calling.toLowerCase() === 'anonymous';
  return { ok: true, call: { called, calling, isAnonymous, key, host, realm } };
}

/** `sip.acme.example:5060` and `[2001:db8::1]:5060` without their ports. */
export function withoutPort(hostPort: string): string {
  const colon = hostPort.lastIndexOf(':');
  return colon > hostPort.lastIndexOf(']') ? hostPort.slice(0, colon) : hostPort;
}

function hostOf(text: string): string | undefined {
  return HOST_PORT.test(text) ? withoutPort(text) : undefined;
}

function wrong(parameter: keyof CallQuestion, text: string): CallReading {
  return { ok: false, parameter, text };
}

const BARE_PLUS = 'begins with a space; a + has to be written as %2B in a query';
const NUMBER = 'has to be 1 to 128 characters without control characters, escaped ones neither';
const HOST_PORT =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
