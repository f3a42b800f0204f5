import { describe, expect, it } from 'vitest';
import { aContract, aPair, aServer, ProbeLab, rollUps } from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';
const B = 'acme/192.0.2.2';
const KEY_A = 'udp:192.0.2.1:5060';
const KEY_B = 'udp:192.0.2.2:5060';

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
    lab.order(B, 'drain');
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
    expect(lab.order(A, 'drain')).toBe(true);
    expect(lab.word(A)).toBe('up disabled');
    expect(lab.server(A)).toMatchObject({ admin: 'drain', cause: { code: 'admin.drain' } });
    expect(rollUps(lab)).toEqual(['all>some']);
    const { started } = lab.network;
    lab.run(30);
    expect(lab.network.started - started).toBeGreaterThanOrEqual(5);
    lab.order(A, 'off');
    expect(lab.word(A)).toBe('unknown disabled');
    expect(lab.server(A)).toMatchObject({ targets: [], cause: { code: 'admin.off' } });
    lab.network.requests.length = 0;
    lab.run(30);
    expect(lab.network.requests.filter(({ key }) => key === KEY_A)).toEqual([]);
    lab.order(A, 'up');
    lab.run(1);
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.order('acme/nobody', 'off')).toBe(false);
  });

  it('of the contract goes for all its servers, the stricter wins, a command goes before both', () => {
    const lab = new ProbeLab();
    const servers = [aServer('192.0.2.1', { admin: 'off' }), aServer('192.0.2.2')];
    lab.prober.apply([aContract(servers, { admin: 'drain' })]);
    lab.run(12);
    expect([lab.server(A).admin, lab.server(B).admin]).toEqual(['off', 'drain']);
    lab.order(B, 'up');
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

describe('what consumers are told', () => {
  const verdicts = (lab: ProbeLab) =>
    lab.events.flatMap((event) => (event.type === 'verdict.changed' ? [event] : []));

  it('has rank, weight and resolved targets, and a sequence that rises with each change alone', () => {
    const lab = aPair();
    const before = verdicts(lab).length;
    lab.run(300);
    expect(verdicts(lab)).toHaveLength(before);
    expect(lab.server(A)).toMatchObject({ rank: 0, weight: 1, enabled: true });
    lab.network.behave(KEY_A, 'silent');
    lab.run(20);
    const [last] = verdicts(lab).slice(before);
    expect(verdicts(lab)).toHaveLength(before + 1);
    const { sequence } = lab.prober.revision;
    expect(last).toMatchObject({ peerServer: A, epoch: 0, sequence, isRemoved: false });
    expect(lab.server(A)).toMatchObject({
      rank: 2,
      changedIn: sequence,
      causes: [{ code: 'probe.unanswered' }],
      targets: [
        { enabled: false, at: { protocol: 'udp', address: '192.0.2.1', port: 5060, family: 4 } },
      ],
    });
  });

  it('offers all targets of all servers as a last resort where none is left', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    lab.network.behave(KEY_B, 'silent');
    lab.run(20);
    const offered = [A, B].map((id) => lab.server(id));
    expect(offered.map(({ rank, targets }) => [rank, targets[0]?.enabled])).toEqual([
      [1, true],
      [1, true],
    ]);
    expect(lab.prober.contract('acme')?.offers).toBe('all');
  });

  it('tells of servers that are gone', () => {
    const lab = aPair();
    lab.prober.apply([aContract([aServer('192.0.2.1')])]);
    expect(verdicts(lab).at(-1)).toMatchObject({ peerServer: B, isRemoved: true });
  });
});
