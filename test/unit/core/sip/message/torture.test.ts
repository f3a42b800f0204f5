import { describe, expect, it } from 'vitest';
import { contactsOf } from '../../../../../src/core/sip/header/contact.ts';
import { parseCseq } from '../../../../../src/core/sip/header/cseq.ts';
import {
  type NameAddr,
  parseNameAddr,
  splitList,
} from '../../../../../src/core/sip/header/name-addr.ts';
import { countVias, parseVia, topVia } from '../../../../../src/core/sip/header/via.ts';
import { StreamFramer } from '../../../../../src/core/sip/message/framing.ts';
import type { SipMessage } from '../../../../../src/core/sip/message/message.ts';
import { KNOWN_METHODS } from '../../../../../src/core/sip/message/method.ts';
import { parseMessage } from '../../../../../src/core/sip/message/parse.ts';
import { parseUri, schemeOf, unescapeUri } from '../../../../../src/core/sip/message/uri.ts';
import { validateRequest, validateResponse } from '../../../../../src/core/sip/message/validate.ts';
import { fromWire } from '../../../../../src/core/sip/message/wire-text.ts';
import { response } from '../../../../../src/core/sip/message/write.ts';
import { jsonOf, wireOf } from '../../../../support/wire.ts';

interface AddressFacts {
  readonly uri: string;
  readonly tag: string | null;
  readonly display: string | null;
  readonly params?: Readonly<Record<string, string | null>>;
  readonly uriParams?: Readonly<Record<string, string | null>>;
  readonly uriParamsDecoded?: Readonly<Record<string, string | null>>;
  readonly uriHeaders?: Readonly<Record<string, string>>;
  readonly userDecoded?: string;
}

interface ViaFacts {
  readonly transport: string;
  readonly host: string;
  readonly port: number | null;
  readonly params: Readonly<Record<string, string | null>>;
}

interface Vector {
  readonly name: string;
  readonly kind: 'request' | 'response';
  readonly parse: 'must-accept' | 'should-accept' | 'may-accept' | 'must-reject';
  readonly uas: readonly (number | 'drop')[] | null;
  readonly alsoOk?: readonly number[];
  readonly never?: readonly (number | string)[];
  readonly transport: string;
  readonly facts: Readonly<Record<string, unknown>> & {
    readonly to?: AddressFacts;
    readonly from?: AddressFacts;
    readonly contacts?: readonly AddressFacts[];
    readonly via?: readonly ViaFacts[];
    readonly viaTop?: ViaFacts;
    readonly cseq?: readonly [number, string];
  };
}

const { messages } = jsonOf<{ messages: readonly Vector[] }>('torture/manifest.json');
const textOf = ({ name }: Vector): string => wireOf(`torture/${name}.dat`);
const overOf = ({ transport }: Vector) => (transport === 'UDP' ? 'datagram' : 'stream');

/** What the layers below the transaction say: taken, a status to answer, or a silent drop. */
function outcomeOf(vector: Vector): 'taken' | 'drop' | number {
  const result = parseMessage(textOf(vector), overOf(vector));
  if (!result.ok) return result.reply?.status ?? 'drop';
  const { message } = result;
  if (message.kind === 'response')
    return validateResponse(message) === undefined ? 'taken' : 'drop';
  return validateRequest(message)?.status ?? 'taken';
}

/** The message, also where it is refused but could be answered. */
function readOf(vector: Vector): SipMessage | undefined {
  const result = parseMessage(textOf(vector), overOf(vector));
  return result.ok ? result.message : result.reply?.message;
}

/** Of the answers that need the user agent server, these come after our checks. */
const LATER = new Set([200, 404, 405, 406, 415, 416, 420, 481, 501]);

describe('RFC 4475, every message', () => {
  it('finds all of them', () => {
    expect(messages).toHaveLength(50);
  });

  it.each(messages)('$name: an outcome that the manifest allows', (vector) => {
    const outcome = outcomeOf(vector);
    if (vector.kind === 'response') {
      const isRefused = vector.parse === 'must-reject' || vector.name === 'bcast';
      expect(outcome).toBe(isRefused ? 'drop' : 'taken');
      return;
    }
    const allowed = [...(vector.uas ?? []), ...(vector.alsoOk ?? [])];
    if (outcome === 'taken') {
      const isLater = (code: number | string) => typeof code === 'number' && LATER.has(code);
      expect(allowed.some(isLater), `${vector.name} may pass on to the UAS`).toBe(true);
      expect(vector.parse).not.toBe('must-reject');
    } else {
      expect(allowed).toContain(outcome);
      expect(vector.never ?? []).not.toContain(outcome);
    }
  });

  it.each(messages.filter(({ parse }) => parse.endsWith('accept') && parse !== 'may-accept'))(
    '$name: taken, not answered with 400',
    (vector) => {
      expect(outcomeOf(vector)).toBe(vector.name === 'bcast' ? 'drop' : 'taken');
    },
  );

  it.each(messages)('$name: the facts', (vector) => {
    const message = readOf(vector);
    if (message === undefined) {
      expect(['bigcode', 'test']).toContain(vector.name);
      return;
    }
    expectFacts(message, vector.facts);
  });
});

describe('RFC 4475, single messages', () => {
  const vector = (name: string): Vector => {
    const found = messages.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(name);
    return found;
  };
  const read = (name: string): SipMessage => {
    const message = readOf(vector(name));
    if (message === undefined) throw new Error(name);
    return message;
  };

  it('esc02: the method is not unescaped, nor the name of a header field', () => {
    expect(KNOWN_METHODS.has(read('esc02').method)).toBe(false);
    expect(read('esc02').first('c%6fntact')).toBe('<sip:alias2@host2.example.com>');
  });

  it('dblreq: one message in a datagram, two in a stream', () => {
    const wire = textOf(vector('dblreq'));
    const events = new StreamFramer().push(wire);
    const cut = events.flatMap((event) => (event.kind === 'message' ? [event.wire] : []));
    // The body is longer than its Content-Length by a few octets, which no one can tell from junk.
    const parsed = cut.slice(0, 2).map((text) => {
      const result = parseMessage(text, 'stream');
      return result.ok ? [result.message.method, result.message.body.length] : result.reason;
    });
    expect(parsed).toEqual([
      ['REGISTER', 0],
      ['INVITE', 150],
    ]);
    expect(events.some(({ kind }) => kind === 'error')).toBe(false);
  });

  it('clerr: a stream waits for the rest', () => {
    expect(new StreamFramer().push(textOf(vector('clerr')))).toEqual([]);
  });

  it.each(['five', '1e3', '0x10', '99999999999999999999', '10 10', '', '+5', '-1'])(
    'ncl: Content-Length %j is an error, in a datagram and in a stream',
    (value) => {
      const wire = textOf(vector('ncl')).replace('-999', value);
      expect(parseMessage(wire, 'datagram')).toMatchObject({ ok: false, reply: { status: 400 } });
      expect(new StreamFramer().push(wire).map(({ kind }) => kind)).toEqual(['error']);
    },
  );

  it('mcl01: a stream cannot go on', () => {
    const [event] = new StreamFramer().push(textOf(vector('mcl01')));
    expect(event).toMatchObject({ kind: 'error', reason: 'contentLength' });
  });

  it('baddn: with an empty line added the display name is what is wrong', () => {
    const wire = `${textOf(vector('baddn'))}\r\n`;
    const result = parseMessage(wire, 'datagram');
    if (!result.ok) throw new Error(result.reason);
    expect(validateRequest(result.message)).toEqual({ status: 400, phrase: 'Bad To' });
    expect(new StreamFramer().push(textOf(vector('baddn')))).toEqual([]);
  });

  it('noreason: also without the space after the code', () => {
    const wire = textOf(vector('noreason')).replace('SIP/2.0 100 \r\n', 'SIP/2.0 100\r\n');
    expect(wire).not.toBe(textOf(vector('noreason')));
    expect(parseMessage(wire, 'datagram')).toMatchObject({ ok: true, message: { status: 100 } });
  });

  it('longreq: all 34 Vias are echoed, in order and octet by octet', () => {
    const request = read('longreq');
    const echoed = response(request, 405, 'Method Not Allowed')
      .split('\r\n')
      .filter((line) => line.startsWith('Via: '))
      .map((line) => line.slice(5));
    expect(echoed).toEqual(request.all('Via'));
    expect(echoed).toHaveLength(34);
  });

  it('intmeth: the Call-ID is echoed octet by octet', () => {
    const callId = read('intmeth').first('Call-ID') ?? 'none';
    expect(response(read('intmeth'), 501, 'x')).toContain(`\r\nCall-ID: ${callId}\r\n`);
  });

  it('every request that can be answered gets an answer that parses, with one To tag', () => {
    for (const each of messages.filter(({ kind }) => kind === 'request')) {
      const request = readOf(each);
      if (request === undefined || topVia(request) === undefined) continue;
      const answer = response(request, 400, 'x', { toTag: 'us', received: '192.0.2.7', rport: 9 });
      const result = parseMessage(answer, 'stream');
      if (!result.ok) throw new Error(`${each.name}: ${result.reason}`);
      expect(result.message.count('Via'), each.name).toBe(request.count('Via'));
      expect(result.message.first('CSeq')).toBe(request.first('CSeq'));
      expect(topVia(result.message)?.received, each.name).toBe('192.0.2.7');
      expect(topVia(result.message)?.branch).toBe(topVia(request)?.branch);
    }
  });
});

const readable = (text: string | undefined): string | null =>
  text === undefined ? null : fromWire(text);

const asRecord = (params: ReadonlyMap<string, string | undefined>) =>
  Object.fromEntries([...params].map(([name, value]) => [name, readable(value)]));

const lowerKeys = (record: Readonly<Record<string, string | null>>) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]));

function expectFacts(message: SipMessage, facts: Vector['facts']): void {
  const got = actualFacts(message, facts);
  for (const [name, value] of Object.entries(facts)) {
    if (name in got) expect(got[name], name).toEqual(value);
  }
  if (facts.to !== undefined) expectAddress(message.first('To'), facts.to);
  if (facts.from !== undefined) expectAddress(message.first('From'), facts.from);
  if (facts.via !== undefined) expectVias(message, facts.via);
  if (facts.viaTop !== undefined) expectVias(message, [facts.viaTop]);
  if (facts.contacts !== undefined) {
    const members = message.all('Contact').flatMap(splitList);
    expect(members).toHaveLength(facts.contacts.length);
    facts.contacts.forEach((contact, index) => {
      expectAddress(members[index], contact);
    });
    expect(contactsOf(message)).toHaveLength(facts.contacts.length);
  }
  for (const [name, value] of Object.entries(facts['unknownHeaders'] ?? {})) {
    expect(readable(message.first(name.toLowerCase()))).toBe(value);
  }
}

/** Those facts that are one value each, computed from the message. */
function actualFacts(message: SipMessage, facts: Vector['facts']): Record<string, unknown> {
  const cseq = parseCseq(message.first('CSeq') ?? '');
  const uri = parseUri(message.requestUri);
  const first = (name: string) => message.first(name);
  const list = (name: string) => message.all(name).flatMap(splitList);
  const vias = message.all('Via').flatMap(splitList);
  const isCut = first('Content-Length') === undefined || facts['bodyLength'] !== undefined;
  return {
    method: message.method,
    status: message.status,
    reason: fromWire(message.reason),
    version: message.version,
    ...(facts['badHeaders'] === undefined && { viaCount: countVias(message) }),
    ...(cseq !== undefined && { cseq: [cseq.number, cseq.method] }),
    cseqRaw: first('CSeq')?.split(' ')[0],
    ...(facts['duplicated'] === undefined && { callId: first('Call-ID') }),
    ...(isCut && { bodyLength: message.body.length }),
    bodyHasNul: message.body.includes('\0'),
    contentLength: first('Content-Length') === undefined ? null : Number(first('Content-Length')),
    contentLengths: message.all('Content-Length').map(Number),
    contentLengthRaw: first('Content-Length'),
    maxForwards: first('Max-Forwards') === undefined ? null : Number(first('Max-Forwards')),
    maxForwardsRaw: first('Max-Forwards'),
    contentType: first('Content-Type'),
    subject: first('subject'),
    ruri: message.requestUri,
    ruriRaw: message.requestUri,
    ruriScheme: message.requestUri.slice(0, schemeOf(message.requestUri)?.length),
    ruriUser: uri?.user,
    ruriUserDecoded: unescapeUri(uri?.user ?? ''),
    ruriPassword: uri?.password,
    ruriHost: uri?.host,
    ruriParams: asRecord(uri?.params ?? new Map()),
    route: list('Route').map((member) => parseNameAddr(member)?.uri),
    recordRoute: list('Record-Route').map((member) => parseNameAddr(member)?.uri),
    accept: list('Accept'),
    require: list('Require'),
    proxyRequire: list('proxy-require'),
    contactCount: list('Contact').length,
    contactRaw: first('Contact'),
    contactExpiresRaw: parseNameAddr(first('Contact') ?? '')?.params.get('expires'),
    retryAfterRaw: first('Retry-After'),
    warningCodeRaw: first('Warning')?.split(' ')[0],
    dateRaw: first('date'),
    toRaw: first('To'),
    authorizationRaw: first('Authorization'),
    duplicated: ['Call-ID', 'To', 'From', 'Max-Forwards', 'CSeq'].filter(
      (n) => message.count(n) > 1,
    ),
    missing: ['Call-ID', 'From', 'To'].filter((name) => message.count(name) === 0),
    toDisplayPrefix: parseNameAddr(first('To') ?? '')?.display?.slice(0, 29),
    fromTagPrefix: parseNameAddr(first('From') ?? '')
      ?.params.get('tag')
      ?.slice(0, 10),
    viaLastParams: { received: parseVia(vias.at(-1) ?? '')?.received },
    trailingOctets:
      message.text.length - message.text.indexOf('\r\n\r\n') - 4 - message.body.length,
  };
}

function expectAddress(value: string | undefined, facts: AddressFacts): void {
  const address = parseNameAddr(value ?? '') as NameAddr;
  expect(address.uri).toBe(facts.uri);
  expect(readable(address.display)).toBe(facts.display);
  expect(address.params.get('tag') ?? null).toBe(facts.tag);
  if (facts.params !== undefined) {
    expect(asRecord(address.params)).toMatchObject(lowerKeys(facts.params));
  }
  const uri = parseUri(address.uri);
  if (facts.uriParams !== undefined)
    expect(asRecord(uri?.params ?? new Map())).toEqual(facts.uriParams);
  if (facts.userDecoded !== undefined) expect(unescapeUri(uri?.user ?? '')).toBe(facts.userDecoded);
  if (facts.uriParamsDecoded !== undefined) {
    const decoded = [...(uri?.params ?? [])].map(([name, param]) => [
      unescapeUri(name),
      param === undefined ? null : unescapeUri(param),
    ]);
    expect(Object.fromEntries(decoded)).toEqual(facts.uriParamsDecoded);
  }
  if (facts.uriHeaders !== undefined) {
    const [name = '', header = ''] = (uri?.headers ?? '').split('=');
    expect({ [name]: unescapeUri(header) }).toEqual(facts.uriHeaders);
  }
}

function expectVias(message: SipMessage, facts: readonly ViaFacts[]): void {
  const vias = message.all('Via').flatMap(splitList).map(parseVia);
  facts.forEach(({ transport, host, port, params }, index) => {
    const via = vias[index];
    expect(via).toMatchObject({ transport, host });
    expect(via?.port ?? null).toBe(port);
    expect(via?.branch ?? null).toBe(params['branch'] ?? null);
    if ('rport' in params) expect(via?.rport).toBe(params['rport']);
    else expect(via?.rport).toBeUndefined();
  });
  expect(topVia(message)).toEqual(vias[0]);
}
