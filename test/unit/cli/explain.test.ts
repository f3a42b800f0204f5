import { describe, expect, it } from 'vitest';
import { printExplanation } from '../../../src/cli/explain.ts';
import { printFreeze } from '../../../src/cli/status-page.ts';
import { fault } from '../../../src/core/base/fault.ts';
import { contractRow, peerServerRow, verdictsRow } from '../../../src/observe/peer-rows.ts';
import { WallClock } from '../../../src/observe/wall-clock.ts';
import { aContract, aPair, aServer, PLAN, ProbeLab } from '../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';
const KEY = 'udp:192.0.2.1:5060';

function explain(lab: ProbeLab): string {
  const wallClock = new WallClock(lab.time, () => Date.UTC(2026, 0, 1) + lab.time.now());
  const contract = lab.prober.contract('acme') ?? expect.fail('no contract');
  return printExplanation({
    server: { ...peerServerRow(lab.server(A), wallClock) },
    contract: { ...contractRow(contract, undefined, wallClock) },
    verdicts: { ...verdictsRow(lab.prober, wallClock) },
  });
}

describe('trunkd explain', () => {
  it('a server that is well', () => {
    const text = explain(aPair());
    expect(text).toMatch(/^acme\/192\.0\.2\.1: enabled, state up, since 2026-01-01T/);
    expect(text).toContain('1. The server answered 200 Text. [probe.answered]');
    expect(text).toContain('is down after 3 failures in a row (0 so far), silent ones over 4 s');
    expect(text).toMatch(/udp:192\.0\.2\.1:5060 is probed at 2026-/);
    expect(text).not.toContain('undefined');
  });

  it('one that is down, drained, while verdicts are frozen', () => {
    const lab = aPair();
    lab.network.behave('udp:192.0.2.1:5060', 'silent');
    lab.run(30);
    lab.order(A, 'drain', 600, 'new cable');
    lab.prober.orderFreeze({ by: 'test', reason: '', until: undefined });
    const text = explain(lab);
    expect(text).toContain(': not offered to calls, state down');
    expect(text).toContain('1. An operator commanded drain (test): new cable. [admin.drain]');
    expect(text).toContain(
      '2. 10 probes in a row got no answer within 4 s. At fault: the other side.',
    );
    expect(text).toContain('Verdicts are frozen since');
    expect(text).toMatch(/^ {4}2026-.*timeout\.response, \d+ times, last 2026-/m);
    expect(text).toMatch(/^ {4}2026-.*up -> down$/m);
    expect(text).toContain('is up after 2 good answers in a row (0 so far)');
    expect(text).toMatch(/`trunkd up`, or 2026-/);
    expect(text).toContain('Of its contract some servers are enabled');
  });

  it('one that fails, and is not down yet; one that answers, and is not up yet', () => {
    const lab = aPair();
    lab.network.behave(KEY, 'silent');
    lab.until(() => lab.server(A).targets[0]?.failures === 2, 30);
    expect(explain(lab)).toContain(`2. ${KEY} failed 2 times in a row since; 3 make it down.`);
    lab.run(30);
    lab.network.behave(KEY, 200);
    lab.until(() => lab.server(A).targets[0]?.successes === 1, 30);
    const text = explain(lab);
    expect(text).toContain('Its probes got no answer for a while; it has begun to answer again.');
    expect(text).toContain('is up after 2 good answers in a row (1 so far)');
  });

  it('one that never answered is not made down by silence', () => {
    const lab = new ProbeLab();
    lab.network.behave(KEY, 'silent');
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    lab.run(60);
    const text = explain(lab);
    expect(text).toContain('a last resort, after all others');
    expect(text).toContain(`${KEY} is up after its first good answer, and down after 3 bad ones`);
    expect(text).not.toMatch(/is down after 3 failures in a row/);
  });

  it.each(['ownFault.noCarrier', 'transport.noSocket', 'transport.local', 'proxy.silent'] as const)(
    '%s: not what it answered last, but why nothing is known',
    (code) => {
      const lab = aPair();
      if (code === 'ownFault.noCarrier') lab.ownFault = fault(code, 'local');
      lab.network.behave(KEY, code === 'ownFault.noCarrier' ? 'silent' : fault(code, 'local'));
      lab.run(60);
      const text = explain(lab);
      expect(text).toMatch(new RegExp(`^  1\\. .*\\[${code}\\]$`, 'm'));
      expect(text).not.toContain('The server answered 200');
      expect(text).toMatch(new RegExp(`^    2026-.*${code}, \\d+ times`, 'm'));
      const isFrozen = code === 'ownFault.noCarrier';
      expect(text.includes('While verdicts are frozen its silence')).toBe(isFrozen);
    },
  );

  it('the time of the next probe is not that of registrations, weights and orders', () => {
    const lab = new ProbeLab();
    lab.registrations.set('main', 'unbound');
    const requires = { registrations: ['main'], atLeast: 1 };
    lab.prober.apply([aContract([aServer('192.0.2.1', { requires })])]);
    lab.run(20);
    const text = explain(lab);
    expect(text).toMatch(/- It is enabled again as soon as enough of them are bound\.$/m);
    expect(text).toMatch(/- It is probed at its interval\. Next attempt at 2026-/);
    expect(text).not.toMatch(/^ {2}- Next attempt/m);
  });

  it('probes that are no OPTIONS', () => {
    const lab = new ProbeLab();
    const hop = { host: '192.0.2.1', port: 5060, protocol: 'tcp', secure: false } as const;
    const probe = { ...PLAN, mode: 'connect' } as const;
    lab.prober.apply([aContract([aServer('192.0.2.1', { hop, probe })])]);
    lab.run(20);
    expect(explain(lab)).toContain(': it accepted connections, round trip 20 ms');
    lab.prober.apply([
      aContract([aServer('192.0.2.1', { probe: { ...probe, mode: 'register' } })]),
    ]);
    lab.run(20);
    const text = explain(lab);
    expect(text).toContain(`How the next REGISTER to ${KEY} ends counts`);
    expect(text).not.toMatch(/probed at/);
  });

  it('an operator who freezes the verdicts is named once, and our machine is not at fault', () => {
    const lab = aPair();
    lab.prober.orderFreeze({ by: 'test', reason: 'new cable', until: undefined });
    lab.network.behave('udp:192.0.2.1:5060', 'silent');
    lab.run(30);
    const text = explain(lab);
    expect(text.match(/An operator froze the verdicts/g)).toHaveLength(1);
    expect(text).toContain(
      "An operator froze the verdicts (test): new cable. At fault: an operator's order. [ownFault.ordered]",
    );
    expect(text).not.toMatch(/this machine|our own sockets/);
    expect(text).toContain('`trunkd thaw`');
    const { frozen } = verdictsRow(lab.prober, new WallClock(lab.time, () => 0));
    expect(printFreeze(frozen)).toMatch(
      /An operator froze the verdicts \(test\): new cable\. At fault: an operator's order\.$/m,
    );
  });

  it('one that is impaired may get better as well as worse', () => {
    const lab = aPair();
    lab.network.behave('udp:192.0.2.1:5060', 603);
    lab.until(() => lab.server(A).state === 'impaired', 60);
    expect(explain(lab)).toContain(
      'udp:192.0.2.1:5060 is up after 2 good answers in a row, and down after 3 failures in a row',
    );
  });

  it('a contract without an enabled server', () => {
    const lab = aPair();
    for (const n of [1, 2]) lab.network.behave(`udp:192.0.2.${n}:5060`, 'silent');
    lab.run(30);
    expect(explain(lab)).toContain('Of its contract no server is enabled; all are offered as');
    expect(explain(aPair())).toContain(
      'Of its contract all servers are enabled; when none is, all',
    );
  });

  it('rows of another version do not break it', () => {
    expect(printExplanation({ server: {}, contract: {}, verdicts: {} })).toContain('not known');
  });
});
