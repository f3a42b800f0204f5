import { describe, expect, it } from 'vitest';
import { validateRequest, validateResponse } from '../../../../../src/core/sip/message/validate.ts';
import { parsed, requestWire, responseWire } from '../../../../support/wire.ts';

const request = (line: string, instead: string) => {
  const text = requestWire('OPTIONS');
  expect(text).toContain(line);
  return validateRequest(parsed(text.replace(line, instead)));
};

describe('a request', () => {
  it('is sound', () => {
    expect(validateRequest(parsed(requestWire('OPTIONS')))).toBeUndefined();
    expect(validateRequest(parsed(requestWire('NEWMETHOD')))).toBeUndefined();
  });

  it.each(['To', 'From', 'Call-ID', 'CSeq'])('needs %s, once', (name) => {
    const line =
      requestWire('OPTIONS')
        .split('\r\n')
        .find((each) => each.startsWith(`${name}:`)) ?? '';
    expect(request(`${line}\r\n`, '')).toEqual({ status: 400, phrase: `Missing ${name}` });
    expect(request(line, `${line}\r\n${line}`)).toEqual({
      status: 400,
      phrase: `More Than One ${name}`,
    });
  });

  it.each([
    ['Via: SIP', 'X-Via: SIP', 'Bad Via'],
    ['branch=z9hG4bKdef;rport', 'branch=z9hG4bKdef;rport,', 'Bad Via'],
    ['branch=z9hG4bKdef;rport', 'branch=z9hG4bKdef;rport, SIP/2.0/UDP', 'Bad Via'],
    ['Max-Forwards: 70', 'Max-Forwards: many', 'Bad Max-Forwards'],
    ['Max-Forwards: 70', 'Max-Forwards: 70\r\nMax-Forwards: 70', 'Bad Max-Forwards'],
    ['To: <sip:100@example.com>', 'To: "x <sip:100@example.com>', 'Bad To'],
    ['To: <sip:100@example.com>', 'To: <sip:100@>', 'Bad To'],
    ['To: <sip:100@example.com>', 'To: 100', 'Bad To'],
    ['<sip:other@example.com>', '<sip:other @example.com>', 'Bad From'],
    ['Call-ID: call-2', 'Call-ID:', 'Bad Call-ID'],
    ['Call-ID: call-2', 'Call-ID: a b', 'Bad Call-ID'],
    ['CSeq: 3 OPTIONS', 'CSeq: 4294967296 OPTIONS', 'Bad CSeq'],
    ['CSeq: 3 OPTIONS', 'CSeq: OPTIONS', 'Bad CSeq'],
    ['CSeq: 3 OPTIONS', 'CSeq: 3 options', 'CSeq Method Does Not Match'],
    ['OPTIONS sip:100@', 'OPTIONS sip:100@@', 'Bad Request-URI'],
    ['OPTIONS sip:100@192.0.2.1:5070', 'OPTIONS <sip:100@192.0.2.1>', 'Bad Request-URI'],
    ['OPTIONS sip:100@192.0.2.1:5070', 'OPTIONS sip:a@b?Route=x', 'Bad Request-URI'],
    ['OPTIONS sip:100@192.0.2.1:5070', 'OPTIONS *', 'Bad Request-URI'],
  ])('%j made %j', (line, instead, phrase) => {
    expect(request(line, instead)).toEqual({ status: 400, phrase });
  });

  it.each([
    ['Max-Forwards: 70\r\n', ''],
    ['Max-Forwards: 70', 'Max-Forwards: 0'],
    ['Max-Forwards: 70', 'Max-Forwards: 300'],
    [';tag=o1', ''],
    ['To: <sip:100@example.com>', 'To: <isbn:2983792873>'],
    ['OPTIONS sip:100@192.0.2.1:5070', 'OPTIONS tel:+34'],
    ['CSeq: 3 OPTIONS', 'CSeq: 4294967295 OPTIONS'],
  ])('%j made %j is let pass', (line, instead) => {
    expect(request(line, instead)).toBeUndefined();
  });

  it('of an unknown method whose CSeq does not match gets 501', () => {
    const text = requestWire('NEWMETHOD').replace('3 NEWMETHOD', '3 INVITE');
    expect(validateRequest(parsed(text))?.status).toBe(501);
  });
});

describe('a response', () => {
  const check = (line: string, instead: string) => {
    const text = responseWire(200);
    expect(text).toContain(line);
    return validateResponse(parsed(text.replace(line, instead)));
  };

  it('is sound', () => {
    expect(validateResponse(parsed(responseWire(200)))).toBeUndefined();
  });

  it.each([
    ['Via:', 'X:', 'via'],
    ['Via:', 'Via: SIP/2.0/UDP 192.0.2.1\r\nVia:', 'viaCount'],
    ['Via: ', 'Via: SIP/2.0/UDP 192.0.2.1, ', 'viaCount'],
    ['From:', 'X:', 'singleField'],
    ['To:', 'X:', 'singleField'],
    ['Call-ID:', 'X:', 'singleField'],
    ['CSeq:', 'X:', 'singleField'],
    ['CSeq:', 'CSeq: 1 REGISTER\r\nCSeq:', 'singleField'],
    ['CSeq: 7', 'CSeq: abc', 'cseq'],
    ['CSeq: 7', 'CSeq: 9292394834772304023312', 'cseq'],
  ])('%j made %j is dropped as %s', (line, instead, flaw) => {
    expect(check(line, instead)).toBe(flaw);
  });
});
