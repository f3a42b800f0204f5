/** What ends at some time ends by the clocks of others, which go on while trunkd does not run. */
import { describe, expect, it } from 'vitest';
import { after } from '../../../../src/core/base/instant.ts';
import { aContract, aPair, aServer, ProbeLab } from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';

describe('after a time in which trunkd did not run', () => {
  it('freezeMax is nearer to its end', () => {
    const lab = new ProbeLab();
    const of = (contract: string, from: number) =>
      [1, 2, 3, 4].map((number) => aServer(`192.0.2.${from + number}`, { contract }));
    lab.prober.apply(['a', 'b'].map((name, index) => aContract(of(name, 10 * index), { name })));
    lab.run(60);
    for (const id of lab.prober.peerServers()) {
      lab.network.behave(lab.server(id).targets[0]?.target ?? '', 'silent');
    }
    lab.run(60);
    expect(lab.prober.freeze?.isOrdered).toBe(false);
    lab.prober.stoodStill(590_000);
    lab.run(20);
    expect(lab.prober.freeze).toBeUndefined();
  });

  it('who asked to be left alone is asked when that time is over', () => {
    const lab = aPair();
    lab.network.behave('udp:192.0.2.1:5060', 503, 20, 'Retry-After: 500');
    lab.run(15);
    lab.network.behave('udp:192.0.2.1:5060', 200);
    lab.run(60);
    expect(lab.word(A)).toBe('down disabled');
    lab.prober.stoodStill(3_600_000);
    lab.run(5);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('what was counted against one that flaps has faded', () => {
    const lab = aPair();
    for (let turn = 0; turn < 3; turn += 1) {
      lab.network.behave('udp:192.0.2.1:5060', 'silent');
      lab.run(30);
      lab.network.behave('udp:192.0.2.1:5060', 200);
      lab.run(15);
    }
    expect(lab.word(A)).toBe('up disabled');
    lab.prober.stoodStill(3_600_000);
    lab.run(1);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('a freeze ends at its time, also when trunkd did not run meanwhile; so does an order', () => {
    const lab = aPair();
    const at = lab.time.now();
    lab.prober.orderFreeze({ by: 'test', reason: '', until: after(at, 3_600_000) });
    lab.order(A, 'drain', 3_600);
    lab.prober.stoodStill(3_000_000);
    lab.run(590);
    expect([lab.prober.freeze?.isOrdered, lab.word(A)]).toEqual([true, 'up disabled']);
    lab.run(15);
    expect([lab.prober.freeze, lab.word(A)]).toEqual([undefined, 'up enabled']);
    lab.order(A, 'drain', 3_600);
    lab.prober.stoodStill(7_200_000);
    lab.run(1);
    expect(lab.word(A)).toBe('up enabled');
  });
});
