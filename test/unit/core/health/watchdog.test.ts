/** The self-check of the probes: whatever is lost by a bug begins anew, and is counted. */
import { expect, it } from 'vitest';
import { aContract, aPair, aServer, ProbeLab } from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';

it('probes whose exchanges never end are found, counted, and asked anew', () => {
  const lab = aPair();
  lab.network.losesExchanges = true;
  lab.run(30);
  // To the machine that is silence; four are open, and no more may be.
  expect(lab.server(A).state).toBe('down');
  const before = lab.network.started;
  lab.run(60);
  expect(lab.network.started).toBe(before);
  lab.network.losesExchanges = false;
  expect(lab.until(() => lab.prober.stuck > 0, 180)).toBeLessThan(180);
  lab.run(10);
  expect(lab.word(A)).toBe('up enabled');
  expect(lab.prober.stuck).toBe(2);
  lab.run(3_600);
  expect(lab.prober.stuck).toBe(2);
});

it('finds nothing where all is well, silent, down, refused or switched off', () => {
  const lab = new ProbeLab();
  const servers = ['silent', 'down', 'up', 'off'].map((name, index) =>
    aServer(`192.0.2.${index + 1}`, { name, admin: name === 'off' ? 'off' : 'up' }),
  );
  lab.network.behave('udp:192.0.2.1:5060', 'silent');
  lab.network.behave('udp:192.0.2.2:5060', 500);
  lab.prober.apply([aContract(servers)]);
  lab.run(86_400);
  expect(lab.prober.stuck).toBe(0);
});
