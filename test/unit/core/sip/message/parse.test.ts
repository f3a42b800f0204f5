import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../../../src/core/sip/message/limits.ts';
import { type ParseReason, parseMessage } from '../../../../../src/core/sip/message/parse.ts';
import { parsed, requestWire, responseWire, wire } from '../../../../support/wire.ts';

const reasonOf = (text: string, over: 'datagram' | 'stream' = 'datagram') => {
  const result = parseMessage(text, over);
  return result.ok ? 'ok' : result.reason;
};

describe('the start line', () => {
  it('gives the parts of a request', () => {
    const message = parsed(requestWire('OPTIONS'));
    expect(message).toMatchObject({
      kind: 'request',
      method: 'OPTIONS',
      requestUri: 'sip:100@192.0.2.1:5070',
      version: 'SIP/2.0',
      status: 0,
      reason: '',
    });
  });

  it('gives the parts of a response', () => {
    const message = parsed(responseWire(401).replace('401 Text', '401 Not  you'));
    expect(message).toMatchObject({
      kind: 'response',
      status: 401,
      reason: 'Not  you',
      version: 'SIP/2.0',
      method: '',
      requestUri: '',
    });
  });

  it('takes the version in any case, and gives it in upper case', () => {
    expect(parsed(responseWire(200).replace('SIP/2.0', 'sip/2.0')).version).toBe('SIP/2.0');
    expect(parsed(requestWire('OPTIONS').replace(' SIP/2.0', ' Sip/2.0')).version).toBe('SIP/2.0');
  });

  it.each<readonly [line: string, reason: ParseReason]>([
    ['SIP/2.0 99 Low', 'statusCode'],
    ['SIP/2.0 099 Low', 'statusCode'],
    ['SIP/2.0 700 High', 'statusCode'],
    ['SIP/2.0 2000 Long', 'statusCode'],
    ['SIP/2.0 2x0 Odd', 'statusCode'],
    ['SIP/2.0', 'version'],
    ['SIP/3.0 200 OK', 'version'],
    ['SIP/2.0\t200 OK', 'version'],
    ['hello', 'startLine'],
    ['OPTIONS sip:a@b', 'startLine'],
    ['OPTIONS  sip:a@b SIP/2.0', 'startLine'],
    ['OPTIONS sip:a@b  SIP/2.0', 'startLine'],
    ['OPTIONS sip:a@b SIP/2.0 ', 'startLine'],
    ['OPTIONS sip:a@b HTTP/1.1', 'startLine'],
    ['OPT(IONS sip:a@b SIP/2.0', 'startLine'],
    ['OPTIONS sip:a\tb SIP/2.0', 'startLine'],
    ['OPTIONS sip:a@b SIP/2.1', 'version'],
  ])('refuses %j as %s', (line, reason) => {
    expect(reasonOf(wire(line, 'Content-Length: 0'))).toBe(reason);
  });

  it('lets empty lines before it pass', () => {
    expect(parsed(`\r\n\r\n${responseWire(200)}`).status).toBe(200);
  });

  it('tells an empty datagram from a broken message', () => {
    expect(reasonOf('')).toBe('empty');
    expect(reasonOf('\r\n\r\n')).toBe('empty');
    expect(reasonOf('\0\0\0\0')).toBe('startLine');
  });
});

describe('header fields', () => {
  it('finds them in any case, in compact form, and with blanks before the colon', () => {
    const message = parsed(
      wire(
        'OPTIONS sip:a@b SIP/2.0',
        'v: SIP/2.0/UDP a',
        'VIA\t : SIP/2.0/UDP b',
        'cALL-id:x',
        'S :  hello  ',
        'X-Own: y',
      ),
    );
    expect(message.all('Via')).toEqual(['SIP/2.0/UDP a', 'SIP/2.0/UDP b']);
    expect(message.first('Call-ID')).toBe('x');
    expect(message.first('subject')).toBe('hello');
    expect(message.first('x-own')).toBe('y');
    expect(message.first('X-Own')).toBe('y');
    expect(message.first('From')).toBeUndefined();
    expect(message.all('x-other')).toEqual([]);
    expect(message.count('Via')).toBe(2);
    expect(message.count('x-own')).toBe(1);
  });

  it('gives all of them in order', () => {
    const message = parsed(wire('OPTIONS sip:a@b SIP/2.0', 'm: <sip:a@b>', 'X-Own : 1', 's: t'));
    const fields = Array.from({ length: message.fieldCount }, (_, index) => message.field(index));
    expect(fields).toEqual([
      { name: 'Contact', value: '<sip:a@b>' },
      { name: 'x-own', value: '1' },
      { name: 'subject', value: 't' },
    ]);
  });

  it('unfolds continuation lines, and keeps them for echoing', () => {
    const message = parsed(
      wire('OPTIONS sip:a@b SIP/2.0', 'To:', '  <sip:a@b>  ', '\t;tag=1', ' ', 'Call-ID: c'),
    );
    expect(message.first('To')).toBe('<sip:a@b> ;tag=1');
    expect(message.rawAll('To')).toEqual(['\r\n  <sip:a@b>  \r\n\t;tag=1']);
    expect(message.first('Call-ID')).toBe('c');
  });

  it('takes a bare LF as line end, and never echoes one', () => {
    const text = requestWire('OPTIONS', 'Subject: a\r\n b').replaceAll('\r\n', '\n');
    const message = parsed(text);
    expect(message.first('subject')).toBe('a b');
    expect(message.rawAll('subject')).toEqual(['a b']);
    expect(message.fieldCount).toBe(parsed(requestWire('OPTIONS', 'Subject: a\r\n b')).fieldCount);
  });

  it.each([
    ['no colon', 'Foobar roobar'],
    ['no name', ': value'],
    ['a name that is no token', 'X(Y): z'],
    ['a bare CR', 'X-Y: a\rb'],
  ])('refuses a line with %s, and can still answer it', (_, line) => {
    const result = parseMessage(requestWire('OPTIONS', line), 'datagram');
    expect(result).toMatchObject({ ok: false, reason: 'headerLine', reply: { status: 400 } });
    if (!result.ok) expect(result.reply?.message.first('Call-ID')).toBe('call-2');
  });

  it('refuses a first line that begins with a blank', () => {
    expect(reasonOf(wire('OPTIONS sip:a@b SIP/2.0', ' Via: x'))).toBe('headerLine');
  });

  it('needs an empty line at their end', () => {
    const text = requestWire('OPTIONS').slice(0, -2);
    expect(parseMessage(text, 'datagram')).toMatchObject({
      ok: false,
      reason: 'noEndOfHeaders',
      reply: { status: 400 },
    });
  });
});

describe('Content-Length', () => {
  const withBody = (length: string, body: string) =>
    requestWire('OPTIONS').replace('Content-Length: 0', length) + body;

  it('cuts extra octets off', () => {
    expect(parsed(withBody('Content-Length: 3', 'abcdef')).body).toBe('abc');
  });

  it('absent: a datagram goes to its end, a stream has no body', () => {
    expect(parsed(withBody('X: y', 'abc')).body).toBe('abc');
    expect(parsed(withBody('X: y', 'abc'), 'stream').body).toBe('');
  });

  it('larger than what came is an error', () => {
    expect(reasonOf(withBody('Content-Length: 4', 'abc'))).toBe('truncated');
  });

  it('may be said twice alike, may be folded and in compact form, but not contradict itself', () => {
    expect(parsed(withBody('Content-Length: 3\r\nl:\r\n 03', 'abc')).body).toBe('abc');
    expect(reasonOf(withBody('Content-Length: 3\r\nl: 2', 'abc'))).toBe('contentLength');
  });
});

describe('limits', () => {
  const filler = (octets: number) => 'x'.repeat(octets);
  const max = LIMITS.messageOctets;

  it('of the message', () => {
    const text = requestWire('OPTIONS').replace('Content-Length: 0\r\n', '');
    expect(parsed(text + filler(max - text.length)).body).toHaveLength(max - text.length);
    expect(parseMessage(text + filler(max + 1 - text.length), 'datagram')).toEqual({
      ok: false,
      reason: 'tooLarge',
      reply: undefined,
    });
  });

  it('of one line', () => {
    const line = (octets: number) => requestWire('OPTIONS', `X: ${filler(octets - 3)}`);
    expect(reasonOf(line(LIMITS.lineOctets))).toBe('ok');
    expect(reasonOf(line(LIMITS.lineOctets + 1))).toBe('lineTooLong');
  });

  it('of the start line', () => {
    const uri = `sip:${filler(LIMITS.lineOctets)}`;
    expect(reasonOf(wire(`OPTIONS ${uri} SIP/2.0`))).toBe('lineTooLong');
  });

  it('of one field with its continuation lines', () => {
    const field = (lines: number) =>
      requestWire('OPTIONS', `X: y${`\r\n ${filler(1021)}`.repeat(lines)}`);
    expect(reasonOf(field(31))).toBe('ok');
    expect(reasonOf(field(32))).toBe('fieldTooLong');
  });

  it('of the number of fields', () => {
    const own = parsed(requestWire('OPTIONS')).fieldCount;
    const fields = (count: number) =>
      requestWire('OPTIONS', ...Array.from({ length: count - own }, (_, index) => `X: ${index}`));
    expect(parsed(fields(LIMITS.headerFields)).fieldCount).toBe(LIMITS.headerFields);
    expect(reasonOf(fields(LIMITS.headerFields + 1))).toBe('tooManyFields');
  });

  it('counts faulty lines as well', () => {
    expect(
      parseMessage(wire('A b SIP/2.0', ...Array<string>(20_000).fill('x')), 'datagram'),
    ).toEqual({
      ok: false,
      reason: 'headerLine',
      reply: undefined,
    });
  });
});

describe('what to answer', () => {
  it('505 for another version', () => {
    const result = parseMessage(requestWire('OPTIONS').replace(' SIP/2.0', ' SIP/7.0'), 'datagram');
    expect(result).toMatchObject({ reason: 'version', reply: { status: 505 } });
  });

  it('nothing to a response, to an ACK, and where Via, From, To, Call-ID or CSeq are missing', () => {
    const replyTo = (text: string) => {
      const result = parseMessage(text, 'datagram');
      expect(result.ok).toBe(false);
      return result.ok ? undefined : result.reply;
    };
    const broken = (method: string) => requestWire(method, 'no colon');
    expect(replyTo(responseWire(200, 'no colon'))).toBeUndefined();
    expect(replyTo(broken('ACK'))).toBeUndefined();
    expect(replyTo(broken('OPTIONS'))).toBeDefined();
    for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
      expect(replyTo(broken('OPTIONS').replace(`\r\n${name}:`, '\r\nX:'))).toBeUndefined();
    }
    expect(replyTo(broken('OPTIONS').replace('SIP/2.0/UDP', 'SIP UDP'))).toBeUndefined();
  });
});
