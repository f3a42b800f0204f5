import { describe, expect, it } from 'vitest';
import { aContract, aPair, aServer, ProbeLab } from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';
const B = 'acme/192.0.2.2';

const both = () => aContract([aServer('192.0.2.1'), aServer('192.0.2.2')]);

function orderAll(lab: ProbeLab, command: 'up' | 'drain' | 'off'): void {
  const at = lab.time.now();
  const order = { command, reason: '', by: 'test', at, until: undefined };
  expect(lab.prober.orderContract('acme', order)).toBe(true);
}

describe('an order', () => {
  it('says who gave it and why, holds over reloads, and ends by itself at its time', () => {
    const lab = aPair();
    lab.order(A, 'drain', 600, 'new cable');
    expect(lab.server(A).cause).toEqual({
      code: 'admin.drain',
      blame: 'nobody',
      text: 'An operator commanded drain (test): new cable.',
      next: 'The configuration counts again after `up`, or in 10 min by itself.',
    });
    lab.run(300);
    lab.prober.apply([both()]);
    expect(lab.word(A)).toBe('up disabled');
    expect(lab.server(A).order).toMatchObject({ command: 'drain', reason: 'new cable' });
    lab.run(299);
    expect(lab.word(A)).toBe('up disabled');
    lab.run(2);
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.server(A).order).toBeUndefined();
  });

  it('of off ends with probes at once', () => {
    const lab = aPair();
    lab.order(A, 'off', 60);
    expect(lab.word(A)).toBe('unknown disabled');
    lab.run(62);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('for a contract goes for all its servers; a later one for a server goes before it', () => {
    const lab = aPair();
    orderAll(lab, 'drain');
    expect([lab.word(A), lab.word(B)]).toEqual(['up disabled', 'up disabled']);
    expect(lab.prober.contract('acme')).toMatchObject({ enabled: 'none', offers: 'none' });
    lab.run(1);
    lab.order(A, 'up');
    expect([lab.word(A), lab.word(B)]).toEqual(['up enabled', 'up disabled']);
    lab.run(1);
    orderAll(lab, 'off');
    expect([lab.server(A).admin, lab.server(B).admin]).toEqual(['off', 'off']);
    orderAll(lab, 'up');
    lab.run(15);
    expect([lab.word(A), lab.word(B)]).toEqual(['up enabled', 'up enabled']);
  });

  it('is gone with its server, and leaves no timer behind', () => {
    const lab = aPair();
    lab.order(A, 'drain', 600);
    orderAll(lab, 'drain');
    lab.prober.apply([]);
    lab.run(1);
    expect(lab.time.timers.size).toBe(0);
    lab.prober.apply([both()]);
    lab.run(15);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('for what is not there is refused', () => {
    const lab = new ProbeLab();
    expect(lab.order('acme/nobody', 'off')).toBe(false);
    const at = lab.time.now();
    const order = { command: 'off', reason: '', by: 'test', at, until: undefined } as const;
    expect(lab.prober.orderContract('nobody', order)).toBe(false);
  });
});
