import { describe, expect, it } from 'vitest';
import { fromWire, toWire } from '../../../../../src/core/sip/message/wire-text.ts';
import { headerLine, quote, response } from '../../../../../src/core/sip/message/write.ts';
import { parsed, requestWire, wire } from '../../../../support/wire.ts';

const request = (...vias: readonly string[]) =>
  parsed(
    wire(
      'OPTIONS sip:a@b SIP/2.0',
      ...vias.map((via) => `v: ${via}`),
      'f: "X" <sip:x@y>;tag=1',
      't:',
      ' <sip:a@b>',
      'I: Call@1',
      'cseq: 0005',
      '  OPTIONS',
      'Subject: not echoed',
    ),
  );

const viasOf = (text: string) => text.split('\r\n').filter((line) => line.startsWith('Via: '));

describe('response', () => {
  it('echoes Via, From, To, Call-ID and CSeq, and adds the tag', () => {
    const text = response(request('SIP/2.0/UDP a;branch=1', 'SIP/2.0/UDP b'), 200, 'OK', {
      toTag: 'ours',
      lines: [headerLine('Allow', 'OPTIONS'), 'Supported: path'],
      body: 'abc',
    });
    expect(text).toBe(
      [
        'SIP/2.0 200 OK',
        'Via: SIP/2.0/UDP a;branch=1',
        'Via: SIP/2.0/UDP b',
        'From: "X" <sip:x@y>;tag=1',
        'To: \r\n <sip:a@b>;tag=ours',
        'Call-ID: Call@1',
        'CSeq: 0005\r\n  OPTIONS',
        'Allow: OPTIONS',
        'Supported: path',
        'Content-Length: 3',
        '',
        'abc',
      ].join('\r\n'),
    );
    expect(parsed(text, 'stream').first('CSeq')).toBe('0005 OPTIONS');
  });

  it('adds no second tag', () => {
    const tagged = parsed(
      requestWire('BYE').replace('To: <sip:100@example.com>', 'To: <sip:a@b> ; TAG=x'),
    );
    expect(response(tagged, 481, 'Gone', { toTag: 'ours' })).toContain(
      '\r\nTo: <sip:a@b> ; TAG=x\r\n',
    );
  });

  it.each([
    ['SIP/2.0/UDP h;branch=1;rport', 'SIP/2.0/UDP h;branch=1;rport=9;received=192.0.2.7'],
    // A second one is none of RFC 3581, and a line full of them would come back twice as long.
    ['SIP/2.0/UDP h;rport;rport;RPORT=1', 'SIP/2.0/UDP h;rport=9;received=192.0.2.7'],
    ['SIP/2.0/UDP h;rport;branch=1', 'SIP/2.0/UDP h;rport=9;branch=1;received=192.0.2.7'],
    ['SIP/2.0/UDP h;branch=1', 'SIP/2.0/UDP h;branch=1;received=192.0.2.7'],
    ['SIP/2.0/UDP h', 'SIP/2.0/UDP h;received=192.0.2.7'],
    ['SIP/2.0/UDP [::1]:5060;branch=1', 'SIP/2.0/UDP [::1]:5060;branch=1;received=192.0.2.7'],
    ['SIP/2.0/UDP h;received=1.2.3.4;x="a;b"', 'SIP/2.0/UDP h;x="a;b";received=192.0.2.7'],
    [
      'SIP/2.0/UDP h;branch=1, SIP/2.0/UDP i;rport',
      'SIP/2.0/UDP h;branch=1;received=192.0.2.7, SIP/2.0/UDP i;rport',
    ],
    ['SIP/2.0/UDP h ; branch=1\r\n ;rport', 'SIP/2.0/UDP h ;branch=1;rport=9;received=192.0.2.7'],
  ])('stamps the top Via %j', (via, stamped) => {
    const text = response(request(via, 'SIP/2.0/UDP j;rport'), 200, 'OK', {
      received: '192.0.2.7',
      rport: 9,
    });
    expect(viasOf(text)).toEqual([`Via: ${stamped}`, 'Via: SIP/2.0/UDP j;rport']);
  });

  it('stamps rport alone, and nothing when not asked to', () => {
    const top = request('SIP/2.0/UDP h;rport;branch=1');
    expect(viasOf(response(top, 200, 'OK', { rport: 9 }))).toEqual([
      'Via: SIP/2.0/UDP h;rport=9;branch=1',
    ]);
    expect(viasOf(response(top, 200, 'OK'))).toEqual(['Via: SIP/2.0/UDP h;rport;branch=1']);
  });

  it('does without what the request lacks', () => {
    const bare = parsed(wire('OPTIONS sip:a@b SIP/2.0', 'Via: SIP/2.0/UDP h', 'CSeq: 1 OPTIONS'));
    expect(response(bare, 400, 'Missing To', { toTag: 'x' })).toBe(
      'SIP/2.0 400 Missing To\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
    );
  });

  it('gives a message that holds no empty line but the one at its end, whatever was folded', () => {
    const folded = parsed(
      requestWire('OPTIONS').replace('To: <sip:100@example.com>', 'To: <sip:a@b>\r\n \r\n\t'),
    );
    const text = response(folded, 200, 'OK', { toTag: 'x' });
    expect(text.indexOf('\r\n\r\n')).toBe(text.length - 4);
  });
});

describe('our own lines', () => {
  it.each(['a\r\nb', 'a\nb', 'a\rb', 'a\0b'])('never hold %j', (value) => {
    expect(() => headerLine('Server', value)).toThrow('no line end');
    expect(() => response(request('SIP/2.0/UDP a'), 400, value)).toThrow('no line end');
  });

  it('end with a line end', () => {
    expect(headerLine('Server', 'trunkd')).toBe('Server: trunkd\r\n');
  });

  it('quote what needs it', () => {
    expect(quote('bob')).toBe('"bob"');
    expect(quote('a"b\\c')).toBe('"a\\"b\\\\c"');
  });
});

describe('wire text', () => {
  it.each([
    ['plain', 'plain'],
    ['Jäsøn', 'J\xc3\xa4s\xc3\xb8n'],
    ['大', '\xe5\xa4\xa7'],
    ['😀', '\xf0\x9f\x98\x80'],
    ['\ufeffx', '\xef\xbb\xbfx'],
  ])('%j', (text, octets) => {
    expect(toWire(text)).toBe(octets);
    expect(fromWire(octets)).toBe(text);
    expect(toWire(text)).toBe(Buffer.from(text, 'utf8').toString('latin1'));
  });

  it('shows broken sequences as such', () => {
    expect(fromWire('a\xff')).toBe('a\ufffd');
  });
});
