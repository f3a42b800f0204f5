import { describe, expect, it } from 'vitest';
import { failure, fault, success } from '../../../../src/core/base/fault.ts';
import { after } from '../../../../src/core/base/instant.ts';
import { Timer } from '../../../../src/core/base/timer-queue.ts';
import type { ProbePlan } from '../../../../src/core/health/spec.ts';
import type { LookupPort } from '../../../../src/core/sip/locate/ports.ts';
import { aContract, aServer, PLAN, ProbeLab } from '../../../support/health/probe-lab.ts';
import { FLOW } from '../../../support/health/scripted-network.ts';

const A = 'acme/192.0.2.1';
const B = 'acme/192.0.2.2';
const KEY_A = 'udp:192.0.2.1:5060';
const KEY_B = 'udp:192.0.2.2:5060';

function aPair(more: Parameters<typeof aContract>[1] = {}): ProbeLab {
  const lab = new ProbeLab();
  lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')], more)]);
  lab.run(15);
  return lab;
}

const rollUps = (lab: ProbeLab): string[] =>
  lab.events.flatMap((event) =>
    event.type === 'peeringContract.changed' ? [`${event.was}>${event.enabled}`] : [],
  );

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

describe('a contract', () => {
  it('goes over some to none and back; onAllDown tryAll offers all as a last resort', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    lab.network.behave(KEY_B, 503);
    lab.run(20);
    expect(rollUps(lab)).toEqual(['all>some', 'some>none']);
    expect(lab.word(A)).toBe('down disabled lastResort');
    expect(lab.word(B)).toBe('down disabled lastResort');
    lab.network.behave(KEY_A, 200);
    lab.run(5);
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.word(B)).toBe('down disabled');
    expect(rollUps(lab)).toEqual(['all>some', 'some>none', 'none>some']);
    lab.network.behave(KEY_B, 200);
    lab.run(5);
    expect(rollUps(lab).at(-1)).toBe('some>all');
    expect(lab.prober.contract('acme')?.enabled).toBe('all');
  });

  it('the last that goes down is told of as a last resort at once', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503);
    lab.run(14);
    lab.network.behave(KEY_B, 503);
    lab.run(14);
    expect(lab.changes(B)).toEqual(['up enabled', 'down disabled lastResort']);
    expect(lab.changes(A)).toEqual(['up enabled', 'down disabled', 'down disabled lastResort']);
  });

  it('onAllDown none offers nothing', () => {
    const lab = aPair({ onAllDown: 'none' });
    lab.network.behave(KEY_A, 503);
    lab.network.behave(KEY_B, 503);
    lab.run(20);
    expect([lab.word(A), lab.word(B)]).toEqual(['down disabled', 'down disabled']);
    expect(lab.prober.contract('acme')?.enabled).toBe('none');
  });

  it('one that is drained is never offered', () => {
    const lab = aPair();
    lab.prober.setAdmin(B, 'drain');
    lab.network.behave(KEY_A, 503);
    lab.run(20);
    expect([lab.word(A), lab.word(B)]).toEqual(['down disabled lastResort', 'up disabled']);
  });

  it('without servers is all, and unknown ones are undefined', () => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([])]);
    expect(lab.prober.contract('acme')?.enabled).toBe('all');
    expect(lab.prober.contract('nobody')).toBeUndefined();
    expect(lab.prober.peerServer('acme/nobody')).toBeUndefined();
    expect([...lab.prober.contracts()]).toEqual(['acme']);
  });
});

describe('admin', () => {
  it('drain: disabled, probed on; off: not probed; up again begins anew', () => {
    const lab = aPair();
    expect(lab.prober.setAdmin(A, 'drain')).toBe(true);
    expect(lab.word(A)).toBe('up disabled');
    expect(lab.server(A)).toMatchObject({ admin: 'drain', cause: { code: 'admin.drain' } });
    expect(rollUps(lab)).toEqual(['all>some']);
    const { started } = lab.network;
    lab.run(30);
    expect(lab.network.started - started).toBeGreaterThanOrEqual(5);
    lab.prober.setAdmin(A, 'off');
    expect(lab.word(A)).toBe('unknown disabled');
    expect(lab.server(A)).toMatchObject({ targets: [], cause: { code: 'admin.off' } });
    lab.network.requests.length = 0;
    lab.run(30);
    expect(lab.network.requests.filter(({ key }) => key === KEY_A)).toEqual([]);
    lab.prober.setAdmin(A, undefined);
    lab.run(1);
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.prober.setAdmin('acme/nobody', 'off')).toBe(false);
  });

  it('of the contract goes for all its servers, the stricter wins, a command goes before both', () => {
    const lab = new ProbeLab();
    const servers = [aServer('192.0.2.1', { admin: 'off' }), aServer('192.0.2.2')];
    lab.prober.apply([aContract(servers, { admin: 'drain' })]);
    lab.run(12);
    expect([lab.server(A).admin, lab.server(B).admin]).toEqual(['off', 'drain']);
    lab.prober.setAdmin(B, 'up');
    expect(lab.word(B)).toBe('up enabled');
  });

  it('probeNow probes at once', () => {
    const lab = aPair();
    lab.run(2);
    const { started } = lab.network;
    expect(lab.prober.probeNow(A)).toBe(true);
    lab.run(0.01);
    expect(lab.network.started).toBe(started + 1);
    expect(lab.prober.probeNow('acme/nobody')).toBe(false);
  });
});

describe('a reload', () => {
  it('keeps state, since and phase of what is the same, and of a changed probe plan the state', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503);
    lab.run(30);
    const before = [lab.server(A), lab.server(B)];
    const events = lab.events.length;
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    expect([lab.server(A), lab.server(B)]).toEqual(before);
    const slow = { ...PLAN, intervalMs: 20_000, fall: 5 };
    lab.prober.apply([
      aContract([aServer('192.0.2.1', { probe: slow }), aServer('192.0.2.2', { probe: slow })]),
    ]);
    expect(lab.word(A)).toBe('down disabled');
    expect(lab.server(A)).toMatchObject({ since: before[0]?.since, rttMs: 20 });
    expect(lab.word(B)).toBe('up enabled');
    expect(lab.events).toHaveLength(events);
    lab.network.behave(KEY_A, 200);
    lab.run(8);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('forgets what is gone, begins with what is new, and tells the roll-up', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503);
    lab.run(15);
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.3')])]);
    expect(lab.prober.peerServer(B)).toBeUndefined();
    lab.run(12);
    expect(lab.word('acme/192.0.2.3')).toBe('up enabled');
    lab.network.requests.length = 0;
    lab.prober.apply([aContract([aServer('192.0.2.1')])]);
    expect(rollUps(lab).at(-1)).toBe('some>none');
    expect(lab.word(A)).toBe('down disabled lastResort');
    lab.run(20);
    expect(new Set(lab.network.requests.map(({ key }) => key))).toEqual(new Set([KEY_A]));
    lab.prober.apply([]);
    lab.network.requests.length = 0;
    lab.run(20);
    expect(lab.network.requests).toEqual([]);
    expect([...lab.prober.peerServers()]).toEqual([]);
    expect(lab.time.timers.size).toBe(0);
  });

  it('keeps what a command set', () => {
    const lab = aPair();
    lab.prober.setAdmin(A, 'drain');
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    expect(lab.word(A)).toBe('up disabled');
  });

  it('of another address begins as unknown', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503);
    lab.run(15);
    const moved = aServer('192.0.2.1', {
      hop: { host: '192.0.2.7', port: 5060, protocol: 'udp', secure: false },
    });
    lab.prober.apply([aContract([moved, aServer('192.0.2.2')])]);
    expect(lab.word(A)).toBe('unknown enabled');
  });
});

describe('equal probes', () => {
  it('of several contracts are sent once, and all hear of it', () => {
    const lab = new ProbeLab();
    const contracts = ['x', 'y', 'z'].map((name) =>
      aContract([aServer('192.0.2.1', { contract: name, whenNeverUp: 'disabled' })], { name }),
    );
    lab.prober.apply(contracts);
    lab.run(101);
    expect(lab.prober.probeCount).toBe(1);
    expect(lab.network.started).toBeLessThanOrEqual(13);
    expect(lab.word('z/192.0.2.1')).toBe('up enabled');
    lab.network.behave(KEY_A, 503);
    lab.run(15);
    for (const name of ['x', 'y', 'z']) expect(lab.word(`${name}/192.0.2.1`)).toContain('down');
    lab.prober.apply(contracts.slice(1));
    lab.network.behave(KEY_A, 200);
    lab.run(6);
    expect(lab.word('y/192.0.2.1')).toBe('up enabled');
  });

  it('of other domains at one target keep their distance, but fail together', () => {
    const lab = new ProbeLab();
    const servers = ['a', 'b', 'c'].map((name) =>
      aServer('192.0.2.1', { name, sipProxy: `${name}.example` }),
    );
    lab.prober.apply([aContract(servers)]);
    lab.run(200);
    const times = lab.network.requests.map(({ atMs }) => atMs).filter((atMs) => atMs > 40_000);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9_990);
    lab.network.behave(KEY_A, 'silent');
    lab.run(15 + 5);
    for (const name of ['a', 'b', 'c']) expect(lab.word(`acme/${name}`)).toContain('down');
  });
});

/** A name server by hand: answers after 10 ms what `answer` says. */
class Names implements LookupPort {
  answer: readonly string[] | 'fails' | 'unknown' = ['192.0.2.1'];
  asked = 0;
  lab: ProbeLab | undefined;

  ask(_: unknown, receive: Parameters<LookupPort['ask']>[1]): void {
    this.asked += 1;
    const { lab } = this;
    if (lab === undefined) return;
    const timer = new Timer(() => {
      const { answer } = this;
      if (answer === 'fails') receive(failure(fault('dns.timeout', 'network')));
      else if (answer === 'unknown') receive(failure(fault('dns.notFound', 'config')));
      else {
        const records = answer.map((address) => ({
          kind: 'address' as const,
          address,
          family: 4 as const,
        }));
        receive(success({ records, ttlSec: 60 }));
      }
    });
    lab.time.timers.arm(timer, after(lab.time.now(), 10));
  }
}

function aNamedServer(names: Names): ProbeLab {
  const lab = new ProbeLab(1, names);
  names.lab = lab;
  const hop = { host: 'sip.acme.example', port: 5060, protocol: 'udp', secure: false } as const;
  const server = aServer('sip.acme.example', { name: 'named', hop, sourceCheck: 'set' });
  lab.prober.apply([aContract([server])]);
  lab.run(15);
  return lab;
}

describe('a server with a name', () => {
  const ID = 'acme/named';

  it('has every address probed; one that is up is enough', () => {
    const names = new Names();
    names.answer = ['192.0.2.1', '192.0.2.2'];
    const lab = aNamedServer(names);
    expect(lab.server(ID).targets.map(({ target }) => target)).toEqual([KEY_A, KEY_B]);
    expect(lab.network.requests[0]?.request.alternatives).toEqual(['192.0.2.1', '192.0.2.2']);
    lab.network.behave(KEY_A, 503);
    lab.run(30);
    expect(lab.word(ID)).toBe('up enabled');
    lab.network.behave(KEY_B, 503);
    lab.run(30);
    expect(lab.word(ID)).toBe('down disabled lastResort');
    expect(lab.server(ID).cause?.text).toMatch(/^udp:192\.0\.2\.\d:5060: /);
  });

  it('follows its addresses, by the TTL', () => {
    const names = new Names();
    names.answer = ['192.0.2.1', '192.0.2.2'];
    const lab = aNamedServer(names);
    names.answer = ['192.0.2.2', '192.0.2.3'];
    lab.run(62);
    expect(lab.server(ID).targets.map(({ target }) => target)).toEqual([
      KEY_B,
      'udp:192.0.2.3:5060',
    ]);
    lab.network.requests.length = 0;
    lab.run(30);
    expect(lab.network.requests.some(({ key }) => key === KEY_A)).toBe(false);
    expect(lab.changes(ID)).toEqual(['up enabled']);
  });

  it.each(['fails', 'unknown'] as const)('keeps the last ones while the DNS %s', (answer) => {
    const names = new Names();
    const lab = aNamedServer(names);
    names.answer = answer;
    lab.run(3_600);
    expect(lab.word(ID)).toBe('up enabled');
    expect(lab.changes(ID)).toEqual(['up enabled']);
    expect(names.asked).toBeLessThan(140);
    names.answer = ['192.0.2.9'];
    lab.run(60);
    expect(lab.server(ID).targets.map(({ target }) => target)).toEqual(['udp:192.0.2.9:5060']);
  });

  it('that was never found is enabled, ranked last, said once, and asked for again', () => {
    const names = new Names();
    names.answer = 'unknown';
    const lab = aNamedServer(names);
    lab.run(300);
    expect(lab.word(ID)).toBe('unknown enabled lastResort');
    expect(lab.notices()).toEqual(['dns.notFound']);
    expect(lab.server(ID)).toMatchObject({ cause: { code: 'dns.notFound' }, targets: [] });
    expect(lab.server(ID).nextProbeAt).toBeGreaterThan(lab.time.now());
    expect(names.asked).toBeGreaterThan(8);
    names.answer = ['192.0.2.1'];
    lab.run(45);
    expect(lab.word(ID)).toBe('up enabled');
  });

  it('whose name server never answers is asked for again', () => {
    const names = new Names();
    const lab = new ProbeLab(1, names);
    const hop = { host: 'sip.acme.example', port: 5060, protocol: 'udp', secure: false } as const;
    lab.prober.apply([aContract([aServer('sip.acme.example', { name: 'named', hop })])]);
    lab.run(100);
    expect(names.asked).toBeGreaterThan(2);
    expect(lab.word(ID)).toBe('unknown enabled');
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
