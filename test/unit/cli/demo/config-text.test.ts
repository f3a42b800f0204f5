/** The configuration of the demo: one that the loader takes, and that shows what the demo is for. */
import { expect, it } from 'vitest';
import { configText } from '../../../../src/cli/demo/config-text.ts';
import { SERVER_NAMES } from '../../../../src/cli/demo/users.ts';
import { specOf } from '../../../support/config/load-text.ts';

it('lets a server that fails every minute come back each time', async () => {
  const sip = { hostPort: '127.0.0.1:5060' };
  const provider = { registrar: sip, servers: SERVER_NAMES.map((name) => ({ name, sip })) };
  const { contracts } = await specOf(configText(provider, 9077));
  const servers = contracts.flatMap(({ peerServers }) => peerServers);
  expect(servers.map(({ hasDamping }) => hasDamping)).toEqual([false, false, false]);
});
