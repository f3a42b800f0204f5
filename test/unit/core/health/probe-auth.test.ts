import { expect, it } from 'vitest';
import { Secret } from '../../../../src/core/base/secret.ts';
import { aContract, aServer, ProbeLab } from '../../../support/health/probe-lab.ts';

const credentials = (password: string) => ({
  username: 'acct1',
  password: new Secret(password),
  ha1: undefined,
  realm: undefined,
});
const ADDRESS = '192.0.2.1';

it('servers share a probe only where they prove themselves alike', () => {
  const lab = new ProbeLab();
  const servers = [
    aServer(ADDRESS, { name: 'a', id: 'acme/a', credentials: credentials('one') }),
    aServer(ADDRESS, { name: 'b', id: 'acme/b', credentials: credentials('one') }),
    aServer(ADDRESS, { name: 'c', id: 'acme/c', credentials: credentials('two') }),
    aServer(ADDRESS, { name: 'd', id: 'acme/d' }),
    aServer(ADDRESS, { name: 'e', id: 'acme/e' }),
  ];
  lab.prober.apply([aContract(servers)]);
  expect(lab.prober.probeCount).toBe(3);
  lab.prober.apply([aContract(servers.slice(2))]);
  expect(lab.prober.probeCount).toBe(2);
});
