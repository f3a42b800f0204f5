import { describe, expect, it } from 'vitest';
import { fault } from '../../../../src/core/base/fault.ts';
import type { ProbePlan } from '../../../../src/core/health/spec.ts';
import {
  aContract,
  aPair,
  aServer,
  PLAN,
  ProbeLab,
  rollUps,
} from '../../../support/health/probe-lab.ts';
import { FLOW } from '../../../support/health/scripted-network.ts';

const A = 'acme/192.0.2.1';
const B = 'acme/192.0.2.2';
const KEY_A = 'udp:192.0.2.1:5060';
const KEY_B = 'udp:192.0.2.2:5060';

describe('the probe itself', () => {
  it('is an OPTIONS as RFC 3261 section 11.1 wants it, new each time', () => {
    const lab = new ProbeLab();
    const sips = aServer('192.0.2.2', { scheme: 'sips', sipProxy: '[2001:db8::1]:5071' });
    lab.prober.apply([aContract([aServer('192.0.2.1', { sipProxy: 'acme.example:5080' }), sips])]);
    lab.run(40);
    const [first, second] = lab.network.requests.filter(({ key }) => key === KEY_A);
    const { template, tail, session, timeoutMs } = first?.request ?? expect.fail('no probe');
    expect(template.method).toBe('OPTIONS');
    expect(template.requestUri).toBe('sip:acme.example:5080');
    expect(template.head).toBe(
      `Max-Forwards: 70\r\nFrom: <sip:acme.example>;tag=${template.fromTag}\r\n` +
        `To: <sip:acme.example>\r\nCall-ID: ${template.callId}\r\n`,
    );
    expect(tail(FLOW)).toBe(
      'Contact: <sip:192.0.2.1:5070>\r\nAccept: application/sdp\r\nUser-Agent: trunkd\r\n',
    );
    expect([session, timeoutMs]).toEqual([undefined, 4_000]);
    expect(second?.request.template.callId).not.toBe(template.callId);
    expect(second?.request.template.fromTag).not.toBe(template.fromTag);
    const other = lab.network.requests.find(({ key }) => key === KEY_B)?.request;
    expect(other?.template.requestUri).toBe('sips:[2001:db8::1]:5071');
    expect(other?.template.head).toContain('To: <sips:[2001:db8::1]>\r\n');
    expect(other?.tail(FLOW)).toContain('Contact: <sips:192.0.2.1:5070>\r\n');
  });

  it('over TCP and TLS names the transport in its Contact, and carries the TLS policy', () => {
    const lab = new ProbeLab();
    const hop = { host: '192.0.2.1', port: undefined, secure: false } as const;
    lab.prober.apply([
      aContract([
        aServer('192.0.2.1', { name: 'tcp', hop: { ...hop, protocol: 'tcp' } }),
        aServer('192.0.2.1', { name: 'tls', hop: { ...hop, protocol: 'tls' } }),
      ]),
    ]);
    lab.run(12);
    const byKey = new Map(lab.network.requests.map(({ key, request }) => [key, request]));
    expect(byKey.get('tcp:192.0.2.1:5060')?.tail(FLOW)).toContain(';transport=tcp>');
    expect(byKey.get('tcp:192.0.2.1:5060')?.tls).toBeUndefined();
    expect(byKey.get('tls:192.0.2.1:5061')?.tail(FLOW)).toContain(';transport=tls>');
    expect(byKey.get('tls:192.0.2.1:5061')?.tls?.identity).toBe('192.0.2.1');
  });
});

describe('after a standstill', () => {
  it('what was under way proves nothing, and the round goes on as planned', () => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([aServer('192.0.2.1', { probe: { ...PLAN, fall: 1 } })])]);
    lab.run(30);
    expect(lab.server(A).state).toBe('up');
    lab.network.behave(KEY_A, 'silent');
    const { length } = lab.network.requests;
    while (lab.network.requests.length === length) lab.run(0.1);
    lab.run(3.9);
    lab.network.behave(KEY_A, 200);
    lab.prober.stoodStill(6_000);
    const [target] = lab.server(A).targets;
    lab.run(8);
    expect(lab.server(A).state).toBe('up');
    expect(target?.failures).toBe(0);
    lab.run(10);
    expect(lab.network.requests.length).toBeGreaterThan(length + 1);
    expect(lab.server(A).state).toBe('up');
  });
});

describe('states and their causes', () => {
  it('a challenge is an answer', () => {
    const lab = new ProbeLab();
    lab.network.behave(KEY_A, 401);
    lab.prober.apply([aContract([aServer('192.0.2.1')])]);
    lab.run(1);
    expect(lab.server(A)).toMatchObject({
      state: 'up',
      rttMs: 20,
      cause: { code: 'probe.answered', text: 'The server answered 401 Text.' },
      targets: [{ target: KEY_A, lastResponse: { code: 401, reason: 'Text' } }],
    });
  });

  it.each([
    ['silent', 'probe.unanswered', 'peer'],
    [503, 'probe.badAnswer', 'peer'],
    [fault('transport.refused', 'peer'), 'transport.refused', 'peer'],
    [fault('transport.unreachable', 'network'), 'transport.unreachable', 'network'],
    [fault('tls.identity', 'peer'), 'tls.identity', 'peer'],
    [fault('timeout.tlsHandshake', 'peer'), 'timeout.tlsHandshake', 'peer'],
  ] as const)('%o makes it down: %s', (does, code, blame) => {
    const lab = aPair();
    lab.network.behave(KEY_A, does);
    lab.run(16);
    expect(lab.changes(A)).toEqual(['up enabled', 'down disabled']);
    const { cause, nextProbeAt, since } = lab.server(A);
    expect(cause).toMatchObject({ code, blame });
    expect(cause?.text).toMatch(/\d|three/);
    expect(nextProbeAt).toBeGreaterThan(lab.time.now());
    expect(lab.time.now() - since).toBeLessThan(16_000);
    lab.network.behave(KEY_A, 200);
    lab.run(5);
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.server(A).cause?.code).toBe('probe.answered');
  });

  it('the cause follows what a down server does', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    lab.run(16);
    lab.network.behave(KEY_A, 500);
    lab.run(4);
    expect(lab.server(A).cause?.code).toBe('probe.badAnswer');
    lab.network.behave(KEY_A, fault('timeout.connect', 'network'), 1_000);
    lab.run(8);
    expect(lab.server(A).cause?.code).toBe('timeout.connect');
    expect(lab.changes(A)).toEqual(['up enabled', 'down disabled']);
  });

  it('503 with Retry-After: down at once, not probed before its time', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503, 20, 'Retry-After: 60');
    lab.run(12);
    expect(lab.word(A)).toBe('down disabled');
    expect(lab.server(A).cause).toMatchObject({ code: 'probe.heldOff' });
    expect(lab.server(A).cause?.text).toContain('60 s');
    const { length } = lab.network.requests.filter(({ key }) => key === KEY_A);
    lab.network.behave(KEY_A, 200);
    lab.run(45);
    expect(lab.network.requests.filter(({ key }) => key === KEY_A)).toHaveLength(length);
    lab.run(18);
    expect(lab.word(A)).toBe('up enabled');
  });

  it.each([
    fault('transport.local', 'local'),
    fault('transport.noSocket', 'local'),
    fault('dns.timeout', 'network'),
  ])('%o changes nothing', (reason) => {
    const lab = aPair();
    lab.network.behave(KEY_A, reason);
    lab.run(300);
    expect(lab.changes(A)).toEqual(['up enabled']);
    expect(lab.server(A).targets[0]).toMatchObject({ failures: 0 });
    lab.network.behave(KEY_A, 'silent');
    lab.run(16);
    expect(lab.word(A)).toBe('down disabled');
  });

  it('what fails on our side from the start is said once', () => {
    const lab = new ProbeLab();
    lab.network.behave(KEY_A, fault('transport.noSocket', 'local'));
    lab.prober.apply([aContract([aServer('192.0.2.1')])]);
    lab.run(300);
    expect(lab.word(A)).toBe('unknown enabled');
    expect(lab.notices()).toEqual(['transport.noSocket']);
    expect(lab.server(A).cause).toMatchObject({ code: 'transport.noSocket', blame: 'local' });
  });

  it('never answered: enabled, ranked last, one alarm; and it ends with the first answer', () => {
    const lab = new ProbeLab();
    lab.network.behave(KEY_A, 'silent');
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    lab.run(600);
    expect(lab.word(A)).toBe('unknown enabled lastResort');
    expect(lab.changes(A)).toEqual(['unknown enabled lastResort']);
    expect(lab.notices()).toEqual(['probe.neverAnswered']);
    expect(lab.server(A).cause?.code).toBe('probe.neverAnswered');
    expect(lab.prober.contract('acme')?.enabled).toBe('all');
    // At its interval, not in volleys.
    const probes = lab.network.requests.filter(({ key }) => key === KEY_A).length;
    expect(probes).toBeLessThan(66);
    lab.network.behave(KEY_A, 200);
    lab.run(12);
    expect(lab.word(A)).toBe('up enabled');
    lab.network.behave(KEY_A, 'silent');
    lab.run(16);
    expect(lab.word(A)).toBe('down disabled');
    expect(lab.notices()).toEqual(['probe.neverAnswered']);
  });

  it('whenNeverUp: disabled', () => {
    const lab = new ProbeLab();
    lab.network.behave(KEY_A, 'silent');
    const never = aServer('192.0.2.1', { whenNeverUp: 'disabled' });
    lab.prober.apply([aContract([never, aServer('192.0.2.2')])]);
    lab.run(60);
    expect(lab.word(A)).toBe('unknown disabled');
    expect(rollUps(lab)).toEqual(['all>some']);
  });

  it('mode off: unknown, enabled, not probed', () => {
    const lab = new ProbeLab();
    const off: ProbePlan = { ...PLAN, mode: 'off' };
    lab.prober.apply([aContract([aServer('192.0.2.1', { probe: off })])]);
    lab.run(60);
    expect(lab.network.started).toBe(0);
    expect(lab.word(A)).toBe('unknown enabled');
    expect(lab.server(A).cause?.code).toBe('probe.off');
    expect(lab.prober.probeNow(A)).toBe(false);
  });
});

describe('stop', () => {
  it('ends every timer and probe, and can still be read', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    lab.run(13);
    lab.prober.stop();
    const { started } = lab.network;
    expect(lab.prober.peerServer(B)?.state).toBe('up');
    lab.run(60);
    expect(lab.network.started).toBe(started);
    expect(lab.time.timers.size).toBe(0);
  });
});

describe('probe.finished', () => {
  it('tells verdict, code and time of each probe', () => {
    const lab = new ProbeLab();
    lab.keepsProbes = true;
    lab.network.behave(KEY_A, 404);
    lab.prober.apply([aContract([aServer('192.0.2.1')])]);
    lab.run(0.5);
    lab.network.behave(KEY_A, fault('transport.local', 'local'));
    lab.run(12);
    lab.network.behave(KEY_A, 'silent');
    lab.run(25);
    const told = lab.events.flatMap((event) =>
      event.type === 'probe.finished' ? [[event.verdict, event.code, event.rttMs]] : [],
    );
    expect(told[0]).toEqual(['good', 404, 20]);
    expect(told[1]).toEqual(['void', 'fault', undefined]);
    expect(told.at(-1)).toEqual(['bad', 'timeout', undefined]);
  });
});
