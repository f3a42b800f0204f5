/**
 * What we answer to requests that reach us, as a pure function of the request and of who sends it:
 * RFC 3261 section 8.2, in its order of inspection; design.md 6, `requests that reach us`. We serve
 * OPTIONS and nothing else; calls belong to the SIP proxy beside us.
 */
import { tagOf } from '../header/name-addr.ts';
import type { SipMessage } from '../message/message.ts';
import { KNOWN_METHODS } from '../message/method.ts';
import { schemeOf } from '../message/uri.ts';
import { validateRequest } from '../message/validate.ts';

/**
 * Who sends: an address of `inbound.allow`, a target of our own registrations or peer servers, or
 * somebody else.
 */
export type Sender = 'allowed' | 'target' | 'stranger';

interface Answer {
  readonly status: number;
  readonly phrase: string;
  /** Header lines without CR LF. */
  readonly lines: readonly string[];
}

export type Reaction =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** Answered as well, and the operator is told how such calls can be taken. */
  | { readonly kind: 'refuseCall'; readonly answer: Answer }
  | { readonly kind: 'drop'; readonly reason: 'stranger' | 'ack' };

const ALLOW = 'Allow: OPTIONS';
const ACCEPT = 'Accept: application/sdp';
const ACCEPT_ENCODING = 'Accept-Encoding: identity';
const OPTIONS_LINES: readonly string[] = [
  ALLOW,
  ACCEPT,
  ACCEPT_ENCODING,
  'Accept-Language: en',
  // What we do where we are the client (RFC 3327, RFC 5626): section 20.37 asks for all of it.
  'Supported: path, outbound',
];

/** `isStopping`: OPTIONS that would get 200 get 503, with the time after which we may be back. */
export function react(request: SipMessage, sender: Sender, isStopping = false): Reaction {
  if (sender === 'stranger') return { kind: 'drop', reason: 'stranger' };
  // Section 17: nobody ever answers an ACK.
  if (request.method === 'ACK') return { kind: 'drop', reason: 'ack' };
  const wrong = validateRequest(request);
  if (wrong !== undefined) {
    const lines = wrong.status === 501 ? [ALLOW] : [];
    return answer(wrong.status, wrong.phrase, lines);
  }
  if (request.method !== 'OPTIONS') return reactToOther(request, sender);
  return reactToOptions(request) ?? (isStopping ? STOPPING : WELL);
}

/** Section 8.2.1: the method is looked at before anything else. */
function reactToOther(request: SipMessage, sender: Sender): Reaction {
  const { method } = request;
  if (!KNOWN_METHODS.has(method)) return answer(501, 'Not Implemented', [ALLOW]);
  // Section 9.2 and 12.2.2: there is no transaction to cancel and no dialog to be in.
  if (method === 'CANCEL' || isInDialog(request)) {
    return answer(481, 'Call/Transaction Does Not Exist', []);
  }
  if (method === 'INVITE' && sender === 'target') {
    return {
      kind: 'refuseCall',
      answer: { status: 480, phrase: 'Temporarily Unavailable', lines: [] },
    };
  }
  return answer(405, 'Method Not Allowed', [ALLOW]);
}

/** Section 11.2, after the checks of 8.2.2.1 and 8.2.2.3. Undefined: there is nothing wrong with it. */
function reactToOptions(request: SipMessage): Reaction | undefined {
  const scheme = schemeOf(request.requestUri);
  if (scheme !== 'sip' && scheme !== 'sips') return answer(416, 'Unsupported URI Scheme', []);
  if (isInDialog(request)) return answer(481, 'Call/Transaction Does Not Exist', []);
  const required = request.all('Require');
  if (required.length > 0) {
    return answer(420, 'Bad Extension', [`Unsupported: ${required.join(', ')}`]);
  }
  return reactToContent(request);
}

/**
 * Section 8.2.3: a body that must be understood and is not. An Accept that nobody can serve is passed over
 * (8.2.4), because our answers have no body.
 */
function reactToContent(request: SipMessage): Reaction | undefined {
  if (request.body === '' || isOptional(request.first('content-disposition'))) return undefined;
  const type = request.first('Content-Type');
  if (type !== undefined && token(type) !== 'application/sdp') {
    return answer(415, 'Unsupported Media Type', [ACCEPT]);
  }
  const encoding = request.first('content-encoding');
  if (encoding !== undefined && token(encoding) !== 'identity') {
    return answer(415, 'Unsupported Media Type', [ACCEPT_ENCODING]);
  }
  return undefined;
}

/** Section 20.11: whoever sends it does not mind when it is not understood. */
function isOptional(disposition: string | undefined): boolean {
  return disposition !== undefined && /;\s*handling\s*=\s*optional/i.test(disposition);
}

/** What stands before the parameters, in lower case. */
function token(value: string): string {
  return (value.split(';', 1)[0] ?? '').trim().toLowerCase();
}

function isInDialog(request: SipMessage): boolean {
  return tagOf(request.first('To') ?? '') !== undefined;
}

function answer(status: number, phrase: string, lines: readonly string[]): Reaction {
  return { kind: 'answer', answer: { status, phrase, lines } };
}

const WELL = answer(200, 'OK', OPTIONS_LINES);
/** Section 21.5.4. A restart takes seconds. */
const STOPPING = answer(503, 'Service Unavailable', ['Retry-After: 5']);
