import { beforeEach, describe, expect, it } from 'vitest';
import { failure, fault, success } from '../../../../../src/core/base/fault.ts';
import { answerTo, fieldOf } from '../../../../support/recording-transport.ts';
import {
  EGRESS,
  FROM_PROXY,
  fieldsOf,
  flowOn,
  inDialog,
  only,
  PROVIDER,
  RelayRig,
  type RequestParts,
  requestText,
  status,
  TOP_VIA,
  UDP,
  vias,
} from '../../../../support/relay-rig.ts';

let rig: RelayRig;

beforeEach(() => {
  rig = new RelayRig();
});

describe('a call from a provider', () => {
  it('reaches the proxy with what a proxy adds, and is untouched besides', () => {
    const odd = ['X-Odd:  two  blanks\t', 'Subject: folded', '  on two lines', 'm: <sip:a@b>'];
    const body = 'v=0\r\n\r\no=\xff\0\r\n';
    const wire = rig.relayed({ lines: odd, body });
    const [own, theirs] = fieldsOf(wire, 'Via');
    expect(wire.startsWith('INVITE sip:34911@198.51.100.7:5070 SIP/2.0\r\n')).toBe(true);
    expect(own).toMatch(/^SIP\/2\.0\/UDP 127\.0\.0\.1:5090;rport;branch=z9hG4bK-tr\.[\w.~-]+$/);
    expect(theirs).toBe(
      'SIP/2.0/UDP 192.0.2.1:5060;rport=5060;branch=z9hG4bKabc;received=192.0.2.1',
    );
    expect(fieldOf(wire, 'Max-Forwards')).toBe('69');
    expect(fieldOf(wire, 'X-Trunkd-Source')).toBe('192.0.2.1:5060;transport=udp');
    expect(fieldOf(wire, 'X-Trunkd-Registration')).toBe('acme-main');
    expect(wire).toContain(`\r\n${odd.join('\r\n')}\r\n`);
    expect(wire.endsWith(`\r\n\r\n${body}`)).toBe(true);
    expect(rig.relay.counters.relayed.get('request toProxy')).toBe(1);
  });

  it('records a route for each side, that for the next hop first', () => {
    rig.seen = '203.0.113.9:40000';
    const flow = flowOn('tcp', PROVIDER, 'tcp');
    const wire = rig.relayed({ lines: ['Record-Route: <sip:192.0.2.1;lr>'] }, flow);
    const [first, second, third] = fieldsOf(wire, 'Record-Route');
    const [, user] = /^<sip:(trunkd\.[\w.~-]+)@127\.0\.0\.1:5090;lr>$/.exec(first ?? '') ?? [];
    expect(user).toBeDefined();
    expect(second).toBe(`<sip:${user}@203.0.113.9:40000;transport=tcp;lr>`);
    expect(third).toBe('<sip:192.0.2.1;lr>');
    expect(fieldsOf(rig.relayed({ method: 'MESSAGE', callId: 'c2' }), 'Record-Route')).toEqual([]);
  });

  it.each([
    ['X-Trunkd-Registration: forged'],
    ['x-trunkd-source : 10.0.0.1'],
    ['X-TRUNKD-Anything:', '  folded', ' X-Trunkd-Registration: forged'],
    ['X-Trunkd-Local: 1'],
  ])('loses what only we may say: %s', (...lines) => {
    const wire = rig.relayed({ lines });
    expect(wire).not.toMatch(/forged|10\.0\.0\.1|folded|local/i);
    expect(fieldsOf(wire, 'X-Trunkd-Registration')).toEqual(['acme-main']);
    expect(fieldsOf(wire, 'X-Trunkd-Source')).toHaveLength(1);
  });

  it('has no name where several registrations could be meant', () => {
    rig.caller = { registration: undefined, owner: 'one-of-them' };
    const wire = rig.relayed();
    expect(fieldsOf(wire, 'X-Trunkd-Registration')).toEqual([]);
    expect(wire).toContain('trunkd.one-of-them~');
    expect(rig.asked.at(-1)).toEqual({
      registration: undefined,
      requestUser: '34911',
      toUser: '34911',
    });
  });

  it('gets the same branch again, and so do its CANCEL and the ACK for a failure', () => {
    const branch = (parts: RequestParts) => fieldsOf(rig.relayed(parts), 'Via')[0];
    const first = branch({});
    expect(branch({})).toBe(first);
    expect(branch({ method: 'CANCEL' })).toBe(first);
    expect(branch({ method: 'ACK', to: 'To: <sip:34911@acme.example>;tag=x' })).toBe(first);
    expect(branch({ vias: [TOP_VIA.replace('abc', 'abd')] })).not.toBe(first);
    expect(branch({ vias: [TOP_VIA.replace('5060', '5062')] })).not.toBe(first);
  });

  it('keeps the branches of RFC 2543 apart by the rest', () => {
    const old = (more: RequestParts) =>
      fieldsOf(
        rig.relayed({ vias: ['Via: SIP/2.0/UDP 192.0.2.1:5060;branch=1'], ...more }),
        'Via',
      )[0];
    const first = old({});
    expect(old({ method: 'ACK', to: 'To: <sip:34911@acme.example>;tag=x' })).toBe(first);
    expect(old({ cseq: '2' })).not.toBe(first);
    expect(old({ callId: 'other' })).not.toBe(first);
  });

  it('stamps the first of several Vias in one line, and answers where rport is missing at sent-by', () => {
    const wire = rig.relayed({
      vias: [
        'v: SIP/2.0/UDP host.example:5099;branch=z9hG4bKa;received=10.9.9.9 , SIP/2.0/TCP b;branch=z9hG4bKb',
      ],
    });
    expect(fieldsOf(wire, 'Via')[1]).toBe(
      'SIP/2.0/UDP host.example:5099;branch=z9hG4bKa;received=192.0.2.1, SIP/2.0/TCP b;branch=z9hG4bKb',
    );
    const [sent] = rig.receive(
      answerTo(wire, '180 Ringing').replace(/^Via:.*$/m, vias(wire)),
      FROM_PROXY,
    );
    expect(sent?.flow.remote).toEqual({ address: '192.0.2.1', port: 5099 });
    expect(sent?.flow.localSocket).toBe('udp');
  });

  it.each<[string, RequestParts, string]>([
    ['no hops left', { maxForwards: '0' }, '483'],
    ['an extension that proxies must know', { lines: ['Proxy-Require: foo, bar'] }, '420'],
    ['two To fields', { lines: ['To: <sip:a@b>'] }, '400'],
    ['a NUL among the header fields', { lines: ['X-A: a\0b'] }, '400'],
    ['a Max-Forwards that is no number', { maxForwards: 'x' }, '400'],
    ['a Route that is none', { lines: ['Route: <sip:a@b'] }, '400'],
    [
      'a token that was changed',
      { lines: ['Route: <sip:trunkd.a~udp~b~c~1~00000000000000000000@x;lr>'] },
      '403',
    ],
    ['a mangled token', { lines: ['Route: <sip:trunkd.@x;lr>'] }, '403'],
  ])('is refused with %s', (_, parts, code) => {
    const wire = rig.answered(parts);
    expect(status(wire)).toBe(code);
    if (code === '420') expect(fieldOf(wire, 'Unsupported')).toBe('foo, bar');
    // The ACK for our own answer ends here.
    const ack = requestText({ ...parts, method: 'ACK', to: `To: ${fieldOf(wire, 'To')}` });
    expect(rig.receive(ack, UDP)).toEqual([]);
  });

  it.each([undefined, '300', '99999999999'])('starts anew with Max-Forwards %s', (maxForwards) => {
    expect(fieldOf(rig.relayed({ maxForwards }), 'Max-Forwards')).toBe('70');
  });

  it('is a loop when it comes back unchanged, a spiral with another Request-URI', () => {
    const wire = rig.relayed();
    const back = (text: string) => rig.receive(text.replace('c1', 'c1'), UDP);
    const looped = wire.replace(/^Record-Route.*\r\n/gm, '').replace(/^X-Trunkd.*\r\n/gm, '');
    expect(status(only(back(looped)).wire)).toBe('482');
    const spiral = looped.replace('sip:34911@198', 'sip:34912@198');
    expect(only(back(spiral)).wire).toMatch(/^INVITE sip:34912@/);
  });

  it('gets a length where it had none, and loses what stands behind its body', () => {
    const wire = requestText({ body: 'v=0' }).replace(/^Content-Length.*\r\n/m, '');
    expect(only(rig.receive(wire, UDP)).wire).toMatch(/Content-Length: 3\r\n\r\nv=0$/);
    expect(only(rig.receive(`${requestText({ body: 'v=0' })}INVITE sip:x`, UDP)).wire).toMatch(
      /\r\n\r\nv=0$/,
    );
  });

  it('leaves with CR LF, whatever ended its lines', () => {
    const wire = requestText({ lines: ['X-A: b', ' c'] }).replaceAll('\r\n', '\n');
    const sent = only(rig.receive(wire, UDP)).wire;
    expect(sent.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(sent).toContain('X-A: b\r\n c\r\n');
  });

  it('is not sent on where it would not fit into a datagram', () => {
    const body = 'x'.repeat(65_150);
    expect(status(rig.answered({ body }))).toBe('513');
    expect(rig.refused('tooLarge')).toBe(1);
  });

  it('is refused where a strict router would make a Request-URI that cannot be one', () => {
    const lines = ['Route: <sip:10.0.0.2?Subject=x>'];
    expect(status(rig.answered({ uri: 'sip:x@10.0.0.1', lines }))).toBe('400');
  });

  it('goes nowhere but to the proxy, whatever its Route and Request-URI say', () => {
    const wire = rig.relayed({
      uri: 'sip:x@10.0.0.1',
      lines: ['Route: <sip:10.0.0.2;lr>, <sip:10.0.0.3>'],
    });
    expect(fieldsOf(wire, 'Route')).toEqual(['<sip:10.0.0.2;lr>, <sip:10.0.0.3>']);
    const strict = rig.relayed({ uri: 'sip:x@10.0.0.1', lines: ['Route: <sip:10.0.0.2>'] });
    expect(strict).toMatch(/^INVITE sip:10\.0\.0\.2 SIP/);
    expect(fieldsOf(strict, 'Route')).toEqual(['<sip:x@10.0.0.1>']);
  });
});

describe('who may call', () => {
  it('nobody whose address is no target: dropped in silence, and the proxy hears nothing', () => {
    expect(
      rig.receive(requestText(), flowOn('udp', { address: '203.0.113.66', port: 5060 })),
    ).toEqual([]);
    expect(rig.stack.counters.dropped.get('stranger')).toBe(1);
  });

  it('no target of anything but a registration: 480, and the operator is told', () => {
    rig.caller = undefined;
    expect(status(rig.answered({}))).toBe('480');
    expect(rig.events).toMatchObject([{ type: 'inbound.callRefused' }]);
  });

  it('nobody at the socket for the proxy, but the proxy', () => {
    const wire = rig.relayed();
    const stranger = flowOn(EGRESS, PROVIDER);
    expect(rig.receive(inDialog(wire), stranger)).toEqual([]);
    expect(rig.receive(requestText({ method: 'OPTIONS' }), stranger)).toEqual([]);
    expect(rig.refused('stranger')).toBe(2);
  });

  it('OPTIONS and REGISTER are for us', () => {
    expect(status(rig.answered({ method: 'OPTIONS' }))).toBe('200');
    expect(
      status(
        rig.answered(
          { method: 'OPTIONS', callId: 'c2', vias: [TOP_VIA.replace('abc', 'x')] },
          FROM_PROXY,
        ),
      ),
    ).toBe('200');
    expect(status(rig.answered({ method: 'REGISTER' }))).toBe('405');
  });

  it('at most maxRate new calls a second; calls that are under way go on', () => {
    rig = new RelayRig({ maxRate: 3 });
    const sent = Array.from({ length: 8 }, (_, index) =>
      rig.receive(requestText({ callId: `call${index}` }), UDP),
    ).flat();
    const answers = sent.filter(({ wire }) => wire.startsWith('SIP/2.0'));
    expect(sent.length - answers.length).toBe(3);
    // Our answers have their own limit.
    expect(answers.map(({ wire }) => status(wire))).toEqual(['503', '503', '503']);
    expect(fieldOf(answers[0]?.wire ?? '', 'Retry-After')).toBe('2');
    expect(rig.refused('rate')).toBe(5);
    expect(rig.events.map(({ type }) => type)).toEqual(['inbound.limited']);
    const bye = rig.relayed({
      method: 'BYE',
      to: 'To: <sip:34911@acme.example>;tag=x',
      callId: 'call0',
    });
    expect(bye).toMatch(/^BYE /);
    rig.time.run(1000);
    expect(rig.relayed({ callId: 'later' })).toMatch(/^INVITE /);
  });

  it('nobody, once forwardTo is taken out', () => {
    rig.relay.configure(undefined, 100);
    expect(status(rig.answered({}))).toBe('480');
  });
});

describe('a proxy that cannot be reached', () => {
  const dead = fault('transport.refused', 'peer', 'Nobody there.');

  it('makes 503, and is told once', () => {
    rig.transport.refused = dead;
    expect(status(rig.answered({}))).toBe('503');
    expect(status(rig.answered({ callId: 'c2' }))).toBe('503');
    expect(rig.refused('proxyUnreachable')).toBe(2);
    expect(rig.events).toMatchObject([
      { type: 'inbound.proxyUnreachable', target: 'udp:127.0.0.1:5060', cause: dead },
    ]);
    rig.transport.refused = undefined;
    expect(rig.relayed({ callId: 'c3' })).toMatch(/^INVITE/);
  });

  it('makes 503 where its name is not known', () => {
    rig.located = failure(fault('dns.notFound', 'config'));
    expect(status(rig.answered({}))).toBe('503');
    expect(rig.events).toMatchObject([
      { type: 'inbound.proxyUnreachable', cause: { code: 'dns.notFound' } },
    ]);
  });

  it('makes 503 where its name gives nothing at all, and keeps nobody waiting', () => {
    rig.located = success([]);
    expect(status(rig.answered({}))).toBe('503');
    expect(rig.events).toMatchObject([
      { type: 'inbound.proxyUnreachable', target: '127.0.0.1', cause: { code: 'dns.notFound' } },
    ]);
  });
});
