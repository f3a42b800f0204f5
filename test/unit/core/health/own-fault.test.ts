/** Our own fault is nobody else's: link down, loop stalled, much failing at once with and without a witness. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../../../src/core/base/fault.ts';
import type { OwnFaultSpec, PeerServerSpec, ProbePlan } from '../../../../src/core/health/spec.ts';
import { aContract, aPair, aServer, PLAN, ProbeLab } from '../../../support/health/probe-lab.ts';

const SPEC: OwnFaultSpec = {
  maxDownShare: 0.6,
  minTargets: 5,
  minContracts: 2,
  freezeMaxMs: 600_000,
};
const KEYS = Array.from({ length: 20 }, (_, index) => `udp:192.0.2.${index + 1}:5060`);

/** Twenty servers in four contracts, all up. */
function aCrowd(plan: Partial<ProbePlan> = {}, contracts = 4, seed = 1): ProbeLab {
  const lab = new ProbeLab(seed);
  const servers = KEYS.map((_, index): PeerServerSpec => {
    const contract = `c${index % contracts}`;
    return aServer(`192.0.2.${index + 1}`, { contract, probe: { ...PLAN, ...plan } });
  });
  const names = [...new Set(servers.map(({ contract }) => contract))];
  const of = (name: string) => servers.filter(({ contract }) => contract === name);
  lab.prober.apply(names.map((name) => aContract(of(name), { name })));
  lab.run(60);
  return lab;
}

function enabled(lab: ProbeLab): number {
  return [...lab.prober.peerServers()].filter((id) => lab.server(id).enabled).length;
}

function silence(lab: ProbeLab, count: number): void {
  for (const key of KEYS.slice(0, count)) lab.network.behave(key, 'silent');
}

function speak(lab: ProbeLab): void {
  for (const key of KEYS) lab.network.behave(key, 200);
}

const frozen = (lab: ProbeLab): (string | boolean)[] =>
  lab.events.flatMap((event) =>
    event.type === 'verdicts.frozen' ? [event.isFrozen, event.cause.code] : [],
  );

describe('much that fails at once', () => {
  it.each([10_000, 30_000, 120_000])('freezes everything, interval %i ms', (intervalMs) => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const lab = aCrowd({ intervalMs }, 4, seed);
      lab.run(intervalMs / 1000);
      silence(lab, 20);
      lab.run(300);
      expect(enabled(lab)).toBe(20);
      expect(lab.prober.freeze?.cause.code).toBe('ownFault.networkSuspect');
      speak(lab);
      lab.run(60);
      expect(lab.prober.freeze).toBeUndefined();
      expect(frozen(lab)).toEqual([
        true,
        'ownFault.networkSuspect',
        false,
        'ownFault.networkSuspect',
      ]);
      expect(lab.events.some(({ type }) => type === 'peerServer.noticed')).toBe(false);
    }
  });

  it('soon enough for every plan: nobody is down before it is known that it is us', () => {
    const plans = [
      { intervalMs: 2_000, timeoutMs: 1_000, recheckMs: 500 },
      { intervalMs: 5_000, timeoutMs: 2_000, recheckMs: 500 },
      { intervalMs: 30_000, timeoutMs: 2_000, recheckMs: 1_000 },
    ];
    for (const plan of plans) {
      for (let seed = 1; seed <= 12; seed += 1) {
        const lab = aCrowd(plan, 4, seed);
        lab.run(seed / 12);
        silence(lab, 20);
        lab.run(2 * (plan.intervalMs / 1000) + 10);
        expect([plan, seed, enabled(lab)]).toEqual([plan, seed, 20]);
      }
    }
  });

  it('90 % without a witness: frozen; with one: believed', () => {
    const lab = aCrowd();
    silence(lab, 18);
    lab.run(60);
    expect([enabled(lab), lab.prober.freeze?.isOrdered]).toEqual([20, false]);
    lab.prober.witness(lab.time.now());
    lab.run(30);
    expect(lab.prober.freeze).toBeUndefined();
    lab.prober.witness(lab.time.now());
    lab.run(20);
    expect(enabled(lab)).toBe(2);
  });

  it('with registrars that answer all the time nothing ever freezes', () => {
    const lab = aCrowd();
    silence(lab, 18);
    for (let turn = 0; turn < 60; turn += 1) {
      lab.run(0.5);
      lab.prober.witness(lab.time.now());
    }
    expect(enabled(lab)).toBe(2);
    expect(frozen(lab)).toEqual([]);
  });

  it('a half of all is believed', () => {
    const lab = aCrowd();
    silence(lab, 10);
    lab.run(60);
    expect(enabled(lab)).toBe(10);
  });

  it('all of a single contract are believed: onAllDown decides', () => {
    const lab = aCrowd({}, 1);
    silence(lab, 20);
    lab.run(60);
    expect(enabled(lab)).toBe(0);
    expect(lab.prober.contract('c0')).toMatchObject({ enabled: 'none', offers: 'all' });
    expect(frozen(lab)).toEqual([]);
  });

  it('freezeMax ends it, and silence counts again', () => {
    const lab = aCrowd();
    silence(lab, 20);
    lab.run(60);
    expect(enabled(lab)).toBe(20);
    lab.run(600);
    expect(enabled(lab)).toBe(0);
    expect(lab.prober.freeze).toBeUndefined();
    speak(lab);
    lab.run(60);
    expect(enabled(lab)).toBe(20);
    lab.run(900);
    silence(lab, 20);
    lab.run(60);
    expect(enabled(lab)).toBe(20);
  });

  it('registrations that are lost with it disable nobody either', () => {
    const lab = new ProbeLab();
    const requires = { registrations: ['one'], atLeast: 1 };
    const names = ['c0', 'c1'];
    lab.registrations.set('one', 'bound');
    const servers = KEYS.map((_, index) =>
      aServer(`192.0.2.${index + 1}`, { contract: `c${index % 2}`, requires }),
    );
    const of = (name: string) => servers.filter(({ contract }) => contract === name);
    lab.prober.apply(names.map((name) => aContract(of(name), { name })));
    lab.run(60);
    silence(lab, 20);
    lab.run(10);
    lab.register('one', 'unbound');
    lab.run(60);
    expect(enabled(lab)).toBe(20);
    lab.prober.thaw();
    expect(enabled(lab)).toBe(0);
  });
});

describe('one that fails alone', () => {
  it.each(['silent', 500] as const)('%s: the others are not asked more often for it', (does) => {
    const lab = aCrowd({ intervalMs: 30_000 });
    lab.network.behave(KEYS[0] ?? '', does);
    lab.network.behave(KEYS[1] ?? '', 'silent');
    lab.run(120);
    const toOthers = (): number =>
      lab.network.requests.filter(({ key }) => key !== KEYS[0] && key !== KEYS[1]).length;
    const before = toOthers();
    lab.run(600);
    expect(toOthers() - before).toBeLessThan(1.1 * 18 * 20);
    expect(enabled(lab)).toBe(18);
  });

  it('nor for one that was never heard, and cannot be sent to', () => {
    const lab = new ProbeLab();
    const servers = KEYS.map((_, index) => aServer(`192.0.2.${index + 1}`));
    const unsent = fault('transport.local', 'local');
    lab.network.behave(KEYS[0] ?? '', unsent);
    lab.prober.apply([aContract(servers)]);
    lab.run(60);
    const before = lab.network.requests.length;
    lab.run(600);
    expect(lab.network.requests.length - before).toBeLessThan(1.1 * 20 * 60);
  });
});

describe('what this machine knows of itself', () => {
  const A = 'acme/192.0.2.1';

  it.each(['ownFault.loopLag', 'ownFault.suspended', 'ownFault.noCarrier'] as const)(
    '%s: silence proves nothing, verdicts freeze, and thaw when it is over',
    (code) => {
      const lab = aPair();
      lab.ownFault = fault(code, 'local');
      for (const key of KEYS.slice(0, 2)) lab.network.behave(key, 'silent');
      lab.run(120);
      expect(lab.word(A)).toBe('up enabled');
      expect(lab.prober.freeze?.cause.code).toBe(code);
      expect(lab.server(A).causes.map((cause) => cause.code)).toContain(code);
      lab.ownFault = undefined;
      speak(lab);
      lab.run(30);
      expect(lab.prober.freeze).toBeUndefined();
      expect(lab.changes(A)).toEqual(['up enabled']);
    },
  );

  it('a freeze that goes on for another reason says so', () => {
    const lab = aCrowd();
    lab.ownFault = fault('ownFault.loopLag', 'local');
    silence(lab, 20);
    lab.run(12);
    expect(lab.prober.freeze?.cause.code).toBe('ownFault.loopLag');
    lab.ownFault = undefined;
    lab.run(30);
    expect(lab.prober.freeze?.cause.code).toBe('ownFault.networkSuspect');
    expect(enabled(lab)).toBe(20);
  });

  it('loopback needs no carrier', () => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([aServer('127.0.0.1'), aServer('192.0.2.2')])]);
    lab.run(12);
    lab.ownFault = fault('ownFault.noCarrier', 'local');
    lab.network.behave('udp:127.0.0.1:5060', 'silent');
    lab.run(20);
    expect(lab.word('acme/127.0.0.1')).toBe('down disabled');
  });

  describe('probes that cannot even be sent', () => {
    const UNSENT = fault(
      'transport.local',
      'local',
      'Our own machine could not send (ENETUNREACH).',
    );

    function cut(lab: ProbeLab): void {
      for (const key of KEYS.slice(0, 2)) lab.network.behave(key, UNSENT);
    }

    it('are what the local watch says of it: verdicts freeze', () => {
      const lab = aPair();
      lab.ownFault = fault('ownFault.noCarrier', 'local');
      cut(lab);
      lab.run(600);
      expect(lab.word(A)).toBe('up enabled');
      expect(lab.server(A).causes[0]).toMatchObject({
        code: 'ownFault.noCarrier',
        blame: 'local',
      });
      expect(frozen(lab)).toEqual([true, 'ownFault.noCarrier']);
      lab.run(600);
      expect(lab.word(A)).toBe('up enabled');
      lab.ownFault = undefined;
      speak(lab);
      lab.run(30);
      expect(lab.prober.freeze).toBeUndefined();
      expect(lab.server(A).causes.map(({ code }) => code)).toEqual(['probe.answered']);
      expect(lab.changes(A)).toEqual(['up enabled']);
    });

    it('so much of all at once freezes, registrations that are lost disable nobody, and it thaws', () => {
      const lab = aCrowd();
      for (const key of KEYS) lab.network.behave(key, UNSENT);
      lab.run(60);
      expect(lab.prober.freeze?.cause.code).toBe('ownFault.networkSuspect');
      expect(enabled(lab)).toBe(20);
      speak(lab);
      lab.run(30);
      expect(lab.prober.freeze).toBeUndefined();
      expect(lab.events.filter(({ type }) => type === 'peerServer.changed')).toHaveLength(20);
    });

    it('were a suspicion until more is known of it', () => {
      const lab = aCrowd();
      for (const key of KEYS) lab.network.behave(key, UNSENT);
      lab.until(() => lab.prober.freeze !== undefined, 30);
      const { until } = lab.prober.freeze ?? {};
      lab.ownFault = fault('ownFault.noCarrier', 'local');
      lab.run(12);
      expect(lab.prober.freeze).toMatchObject({ until, cause: { code: 'ownFault.noCarrier' } });
      lab.ownFault = undefined;
      speak(lab);
      lab.run(40);
      expect(lab.prober.freeze).toBeUndefined();
      expect(frozen(lab).filter((one) => one === false)).toHaveLength(1);
      expect(enabled(lab)).toBe(20);
    });

    it('some of them, beside others that answer: their cause, and no freeze; the others are judged', () => {
      const lab = aCrowd();
      for (const key of KEYS.slice(0, 8)) lab.network.behave(key, UNSENT);
      lab.network.behave(KEYS[12] ?? '', 'silent');
      lab.run(300);
      expect(frozen(lab)).toEqual([]);
      expect(enabled(lab)).toBe(19);
      expect(lab.server('c0/192.0.2.1').causes[0]?.code).toBe('transport.local');
      expect(lab.word('c0/192.0.2.13')).toBe('down disabled');
    });

    it('are no misses: a row goes on as if they had not been', () => {
      const lab = aPair();
      lab.network.behave('udp:192.0.2.1:5060', 'silent');
      lab.until(() => (lab.server(A).targets[0]?.failures ?? 0) === 2, 20);
      cut(lab);
      lab.run(300);
      expect(lab.word(A)).toBe('up enabled');
      expect(lab.server(A).targets[0]?.failures).toBeLessThan(PLAN.fall);
      speak(lab);
      lab.run(15);
      expect(lab.server(A).targets[0]?.failures).toBe(0);
      expect(lab.changes(A)).toEqual(['up enabled']);
    });

    it('are the cause when nothing else is known of it, and since when', () => {
      const lab = aPair();
      cut(lab);
      lab.run(600);
      expect(lab.word(A)).toBe('up enabled');
      const [cause] = lab.server(A).causes;
      expect(cause).toMatchObject({ code: 'transport.local', blame: 'local' });
      expect(cause?.text).toBe(
        'No probe has left this machine for 10 min: Our own machine could not send (ENETUNREACH).',
      );
      speak(lab);
      lab.run(15);
      expect(lab.server(A).causes.map(({ code }) => code)).toEqual(['probe.answered']);
    });
  });

  it('does not last for ever: freezeMax ends that as well', () => {
    const lab = aPair();
    lab.prober.setOwnFault({ ...SPEC, freezeMaxMs: 30_000 });
    lab.ownFault = fault('ownFault.noCarrier', 'local');
    for (const key of KEYS.slice(0, 2)) lab.network.behave(key, 'silent');
    lab.run(28);
    expect(lab.word(A)).toBe('up enabled');
    lab.run(90);
    expect(lab.prober.freeze).toBeUndefined();
    expect(lab.word(A)).toBe('down disabled lastResort');
    const told = lab.events.filter((event) => event.type === 'peerServer.changed');
    const causes = told.filter(({ state }) => state === 'down').map(({ cause }) => cause?.code);
    expect(causes).toEqual(['probe.unanswered', 'probe.unanswered', 'probe.unanswered']);
  });
});

describe('an operator', () => {
  const order = { by: 'test', reason: 'new router', until: undefined };

  it('freezes: nothing is disabled, neither for silence nor for bad answers; what answers comes back', () => {
    const lab = aPair();
    lab.network.behave('udp:192.0.2.2:5060', 503);
    lab.run(20);
    lab.prober.orderFreeze(order);
    lab.network.behave('udp:192.0.2.1:5060', 503, 20, 'Retry-After: 60');
    lab.network.behave('udp:192.0.2.2:5060', 200);
    lab.run(120);
    expect(lab.word('acme/192.0.2.1')).toBe('up enabled');
    expect(lab.word('acme/192.0.2.2')).toBe('up enabled');
    expect(lab.server('acme/192.0.2.1').causes.at(-1)?.text).toContain('new router');
    expect(lab.prober.thaw()).toBe(true);
    lab.run(15);
    expect(lab.word('acme/192.0.2.1')).toBe('down disabled');
    expect(lab.prober.thaw()).toBe(false);
  });

  it('makes another version of all verdicts, and so does its end', () => {
    const lab = aPair();
    lab.run(20);
    const { sequence } = lab.prober.revision;
    lab.prober.orderFreeze(order);
    expect(lab.prober.revision.sequence).toBe(sequence + 1);
    lab.prober.thaw();
    expect(lab.prober.revision.sequence).toBe(sequence + 2);
  });

  it('is not the cause of what is decided after the thaw', () => {
    const lab = aPair();
    lab.prober.orderFreeze(order);
    lab.network.behave('udp:192.0.2.1:5060', 'silent');
    lab.run(30);
    lab.prober.thaw();
    lab.until(() => lab.word('acme/192.0.2.1') === 'down disabled', 30);
    const told = lab.events.findLast((event) => event.type === 'peerServer.changed');
    expect(told).toMatchObject({
      state: 'down',
      cause: { code: 'probe.unanswered', blame: 'peer' },
    });
  });

  it('may say until when', () => {
    const lab = aPair();
    lab.prober.orderFreeze({ ...order, until: lab.time.now() });
    lab.run(2);
    expect(lab.prober.freeze).toBeUndefined();
  });
});
