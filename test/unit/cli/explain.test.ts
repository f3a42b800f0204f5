import { describe, expect, it } from 'vitest';
import { printExplanation } from '../../../src/cli/explain.ts';
import { contractRow, peerServerRow, verdictsRow } from '../../../src/observe/peer-rows.ts';
import { WallClock } from '../../../src/observe/wall-clock.ts';
import { aPair, type ProbeLab } from '../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';

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

  it('rows of another version do not break it', () => {
    expect(printExplanation({ server: {}, contract: {}, verdicts: {} })).toContain('not known');
  });
});
