/**
 * One hostile message, read in every way that the core reads messages. What is taken keeps within the limits,
 * and goes out again as a message that is read as the same; two scans of it (the parser's, and that of the
 * relay) find the same fields; the framer cuts it where the parser ends it.
 */
import { Secret } from '../../../src/core/base/secret.ts';
import { challengesOf } from '../../../src/core/sip/digest/challenge.ts';
import { DigestSession } from '../../../src/core/sip/digest/session.ts';
import { contactsOf } from '../../../src/core/sip/header/contact.ts';
import { parseCseq } from '../../../src/core/sip/header/cseq.ts';
import { expiresOf, minExpiresOf } from '../../../src/core/sip/header/expires.ts';
import { parseNameAddr, splitList, tagOf } from '../../../src/core/sip/header/name-addr.ts';
import { retryAfterSec } from '../../../src/core/sip/header/retry-after.ts';
import { seenAs } from '../../../src/core/sip/header/seen-as.ts';
import { countVias, topVia } from '../../../src/core/sip/header/via.ts';
import { StreamFramer } from '../../../src/core/sip/message/framing.ts';
import { LIMITS } from '../../../src/core/sip/message/limits.ts';
import type { SipMessage } from '../../../src/core/sip/message/message.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { unfold } from '../../../src/core/sip/message/scan.ts';
import { parseUri, printUri, sameUri } from '../../../src/core/sip/message/uri.ts';
import { validateRequest, validateResponse } from '../../../src/core/sip/message/validate.ts';
import { response } from '../../../src/core/sip/message/write.ts';
import { wireFields } from '../../../src/core/sip/relay/wire-fields.ts';
import { nodeHasher } from '../node-hasher.ts';
import { SeededRandom } from '../seeded-random.ts';
import { type Draw, hold, holdSame } from './draw.ts';
import { aSeed, mutated } from './mutate.ts';

export function messageInput(draw: Draw): string {
  return mutated(aSeed(draw), draw);
}

/** Gives `taken` or `refused`, so that a run can tell that it saw both. */
export function readMessage(wire: string): string {
  const result = parseMessage(wire, 'datagram');
  const message = result.ok ? result.message : result.reply?.message;
  if (message !== undefined) {
    readEverything(message);
    if (message.kind === 'response') validateResponse(message);
    else if (topVia(message) !== undefined) answerIsSound(message);
  }
  if (!result.ok) return `refused ${result.reason}`;
  keepsLimits(result.message, wire);
  goesRound(result.message);
  isScannedAlike(result.message);
  isFramedAlike(wire, result.message);
  if (result.message.kind === 'response') return 'taken response';
  return validateRequest(result.message) === undefined ? 'taken request' : 'answered 400';
}

/** Everything that we read in a message which came from outside. */
function readEverything(message: SipMessage): void {
  for (let index = 0; index < message.fieldCount; index += 1) readField(message, index);
  const via = topVia(message);
  hold(via?.port === undefined || via.port <= 65_535, 'the port of a Via is a port');
  countVias(message);
  seenAs(message);
  const contacts = contactsOf(message);
  if (contacts !== '*')
    for (const { expiresSec, q } of contacts) {
      isSpan(expiresSec, 'expires of a Contact');
      hold(q === undefined || (q >= 0 && q <= 1), 'q is a share');
    }
  isSpan(expiresOf(message), 'Expires');
  isSpan(minExpiresOf(message), 'Min-Expires');
  isSpan(retryAfterSec(message), 'Retry-After');
  const cseq = parseCseq(message.first('CSeq') ?? '');
  hold(cseq === undefined || cseq.number < 2 ** 32, 'CSeq is below 2^32');
  answersChallenge(message);
}

function readField(message: SipMessage, index: number): void {
  const { name, value } = message.field(index);
  hold(message.count(name as never) > 0, 'a field is counted by its name');
  hold(!/[\r\n]/.test(value), 'a value is one line');
  for (const member of splitList(value)) {
    const uri = parseUri(parseNameAddr(member)?.uri ?? '');
    if (uri === undefined) continue;
    const again = parseUri(printUri(uri));
    hold(again !== undefined && sameUri(uri, again), 'a URI goes round');
  }
  tagOf(value);
}

function isSpan(seconds: number | undefined, what: string): void {
  const isSo = seconds === undefined || (Number.isInteger(seconds) && seconds >= 0);
  hold(isSo && (seconds ?? 0) < 2 ** 32, `${what} is a span of time`);
}

const CREDENTIALS = {
  username: 'u',
  password: new Secret('p'),
  ha1: undefined,
  realm: undefined,
};

function answersChallenge(message: SipMessage): void {
  challengesOf(message, 'Proxy-Authenticate');
  if (challengesOf(message, 'WWW-Authenticate').length === 0) return;
  const session = new DigestSession(CREDENTIALS, nodeHasher, new SeededRandom(1));
  session.accept(message);
  const lines = session.authorize('REGISTER', 'sip:r', '');
  const isWhole = lines === '' || /^(?:[A-Za-z-]+: [^\r\n]*\r\n)+$/.test(lines);
  hold(isWhole, 'no line of credentials is broken out of');
  session.succeeded(message);
}

/** What we would send back is one sound message that echoes what it has to. */
function answerIsSound(message: SipMessage): void {
  const text = response(message, 400, 'x', { toTag: 'us', received: '192.0.2.7', rport: 9 });
  holdSame(text.indexOf('\r\n\r\n'), text.length - 4, 'the headers of our answer end once');
  const result = parseMessage(text, 'stream');
  // What is echoed was at a limit, and on one line, or with Content-Length, it is beyond.
  if (!result.ok && (result.reason === 'lineTooLong' || result.reason === 'tooManyFields')) return;
  hold(result.ok, `our own answer can be read (${result.ok ? '' : result.reason})`);
  for (const name of ['From', 'Call-ID', 'CSeq'] as const) {
    holdSame(result.message.first(name), message.first(name), `${name} of our answer`);
  }
  const [, ...vias] = message.all('Via');
  const [, ...echoed] = result.message.all('Via');
  holdSame(echoed.join('\n'), vias.join('\n'), 'Vias of our answer');
}

function keepsLimits(message: SipMessage, wire: string): void {
  hold(wire.length <= LIMITS.messageOctets, 'no message is larger than it may be');
  hold(message.fieldCount <= LIMITS.headerFields, 'no message has more fields than it may have');
  for (let index = 0; index < message.fieldCount; index += 1) {
    hold(message.field(index).value.length <= LIMITS.fieldOctets, 'no field is too long');
  }
  for (const line of headOf(wire).split('\n')) {
    hold(line.length <= LIMITS.lineOctets + 1, 'no line is too long');
  }
}

function headOf(wire: string): string {
  const start = /[^\r\n]/.exec(wire)?.index ?? 0;
  const head = wire.slice(start);
  return head.slice(0, /\n\r?\n/.exec(head)?.index);
}

/** Written anew from what was read, it is read as the same. */
function goesRound(message: SipMessage): void {
  const again = parseMessage(printed(message), 'stream');
  const isFull = message.fieldCount === LIMITS.headerFields;
  // Content-Length, which a stream needs, was one field too many.
  if (isFull && !again.ok && again.reason === 'tooManyFields') return;
  hold(again.ok, `what was taken can be sent on (${again.ok ? '' : again.reason})`);
  isSame(again.message, message);
}

function isSame(is: SipMessage, wanted: SipMessage): void {
  for (const part of ['kind', 'method', 'requestUri', 'status', 'reason', 'version'] as const) {
    holdSame(is[part], wanted[part], part);
  }
  const added = wanted.count('Content-Length') === 0 ? 1 : 0;
  holdSame(is.fieldCount, wanted.fieldCount + added, 'number of fields');
  for (let index = 0; index < wanted.fieldCount; index += 1) {
    const [a, b] = [is.field(index), wanted.field(index)];
    holdSame(a.name, b.name, 'name of a field');
    holdSame(a.value, b.value, `value of ${b.name}`);
  }
  holdSame(is.body, wanted.body, 'body');
}

function printed(message: SipMessage): string {
  const { kind, method, requestUri, version, status, reason, body } = message;
  let text =
    kind === 'request'
      ? `${method} ${requestUri} ${version}\r\n`
      : `${version} ${status} ${reason}\r\n`;
  for (let index = 0; index < message.fieldCount; index += 1) {
    const { name, value } = message.field(index);
    text += value.length < 8_000 ? `${name}: ${value}\r\n` : `${name}: ${folded(value)}\r\n`;
  }
  if (message.count('Content-Length') === 0) text += `Content-Length: ${body.length}\r\n`;
  return `${text}\r\n${body}`;
}

/** A line end at each single space: read as that space. */
function folded(value: string): string {
  return value.replace(/(?<=[^ \t]) (?=[^ \t])/g, '\r\n ');
}

function isScannedAlike(message: SipMessage): void {
  const fields = wireFields(message);
  holdSame(fields.length, message.fieldCount, 'fields that the relay sees');
  fields.forEach(({ name, value, text }, index) => {
    const field = message.field(index);
    holdSame(name, field.name.toLowerCase(), 'name of a field that the relay sees');
    holdSame(unfold(value), field.value, `value of ${name} that the relay sees`);
    hold(text.endsWith('\r\n') && !/[^\r]\n/.test(text), 'line ends that the relay writes');
  });
}

/** No octet is part of this message for one of the two, and of the next for the other. */
function isFramedAlike(wire: string, message: SipMessage): void {
  if (message.count('Content-Length') === 0) return;
  const cut = new StreamFramer()
    .push(wire)
    .find(({ kind }) => kind === 'message' || kind === 'error');
  hold(cut?.kind === 'message', 'the framer finds the message');
  const again = parseMessage(cut.wire, 'stream');
  hold(again.ok, 'what the framer cuts out can be read');
  isSame(again.message, message);
}
