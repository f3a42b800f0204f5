/** At 10 % loss each way no living server may ever be called down; the real peers' weak point. */
import { describe, expect, it } from 'vitest';
import { aContract, aServer, ProbeLab } from '../../support/health/probe-lab.ts';
import { scaled, seeds } from '../../support/scale.ts';

const HOURS = 24;

describe('loss of 10 % each way, interval 10 s', () => {
  it.each(seeds(1))(
    'never makes a living server down (seed %i)',
    (seed) => {
      const lab = new ProbeLab(seed);
      lab.network.loss = 0.1;
      lab.network.keepsRequests = false;
      const servers = Array.from({ length: scaled(1_000) }, (_, index) =>
        aServer(`10.0.${index >> 8}.${index & 255}`),
      );
      lab.prober.apply([aContract(servers)]);
      lab.run(3_600 * HOURS);
      const states = lab.events.flatMap((event) =>
        event.type === 'peerServer.changed' ? [event.state] : [],
      );
      expect(states).toEqual(servers.map(() => 'up'));
      expect(lab.network.started).toBeGreaterThan(HOURS * 360 * servers.length);
    },
    900_000,
  );
});
