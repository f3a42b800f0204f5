/**
 * What is promised of probes under loss: with a tenth of the datagrams lost each way no server is ever
 * taken for dead in a day of a thousand peers at an interval of 10 s. The profile `fast` decides within 2 s, in
 * which fewer copies go: it bears half of that. And who dies in such weather is noticed nearly as soon as
 * in any other.
 */
import { describe, expect, it } from 'vitest';
import type { PeerServerSpec, ProbePlan } from '../../src/core/health/spec.ts';
import { aContract, aServer, PLAN, ProbeLab } from '../support/health/probe-lab.ts';
import { scaled, seeds } from '../support/scale.ts';

const HOUR_SEC = 3_600;
const FAST: ProbePlan = { ...PLAN, intervalMs: 5_000, timeoutMs: 2_000, recheckMs: 500 };

function aStorm(seed: number, count: number, probe: ProbePlan, loss = 0.1): ProbeLab {
  const lab = new ProbeLab(seed);
  lab.network.keepsRequests = false;
  const servers = Array.from({ length: count }, (_, index): PeerServerSpec => {
    const contract = `c${index % 20}`;
    return aServer(`10.0.${index >> 8}.${index & 255}`, { contract, probe });
  });
  const of = (name: string) => servers.filter(({ contract }) => contract === name);
  const names = [...new Set(servers.map(({ contract }) => contract))];
  lab.prober.apply(names.map((name) => aContract(of(name), { name })));
  lab.run(60);
  lab.network.loss = loss;
  lab.events.length = 0;
  return lab;
}

describe.each(seeds(1))('seed %i', (seed) => {
  it.each([
    ['10 s', 0.1, PLAN, 24],
    ['fast', 0.05, FAST, 6],
  ] as const)(
    'a thousand peers, %s, %d lost each way: no false verdict',
    (_, loss, plan, hours) => {
      const lab = aStorm(seed, scaled(1_000), plan, loss);
      lab.run(hours * HOUR_SEC);
      expect(lab.events).toEqual([]);
      expect(lab.prober.stuck).toBe(0);
      const enabled = [...lab.prober.peerServers()].filter((id) => lab.server(id).state === 'up');
      expect(enabled).toHaveLength(scaled(1_000));
    },
  );

  it('who dies is noticed within an interval and 8 s, and who returns soon', () => {
    const lab = aStorm(seed, 100, PLAN);
    for (let index = 0; index < 100; index += 1) {
      const id = `c${index % 20}/10.0.0.${index}`;
      const key = `udp:10.0.0.${index}:5060`;
      lab.network.behave(key, 'silent');
      expect(lab.until(() => !lab.server(id).enabled, 30)).toBeLessThan(18);
      lab.network.behave(key, 200);
      expect(lab.until(() => lab.server(id).enabled, 60)).toBeLessThan(30);
    }
  });
});
