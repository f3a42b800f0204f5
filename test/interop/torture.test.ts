/** The torture messages of RFC 4475 against the running daemon, over the transports that they are meant for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePki, type Pki } from '../support/pki.ts';
import { freePort, ownDirectory, run } from '../support/processes.ts';
import { ROOT, Trunkd } from '../support/trunkd.ts';

interface Row {
  readonly name: string;
  readonly transport: string;
  readonly got: readonly number[];
  readonly allowed: readonly unknown[];
  readonly alive: boolean;
  readonly verdict: 'pass' | 'fail' | 'info';
  readonly note: string;
}

const MANIFEST = join(ROOT, 'test/vectors/torture/manifest.json');

let pki: Pki;
let trunkd: Trunkd;
let rows: readonly Row[];

beforeAll(async () => {
  pki = await makePki(['good']);
  const [port, tlsPort] = [await freePort(), await freePort()];
  trunkd = await Trunkd.start({
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: `127.0.0.1:${port}` },
      { name: 'tcp', protocol: 'tcp', bind: `127.0.0.1:${port}` },
      {
        name: 'tls',
        protocol: 'tls',
        bind: `127.0.0.1:${tlsPort}`,
        ...pki.filesOf('good'),
      },
    ],
    inbound: { allow: ['127.0.0.0/8'], maxRate: 1000 },
    peeringContracts: [],
  });
  rows = await inject(`127.0.0.1:${port}`, `127.0.0.1:${tlsPort}`);
});

afterAll(async () => {
  await trunkd?.stop();
  pki?.remove();
});

async function inject(dst: string, tls: string): Promise<readonly Row[]> {
  const own = ownDirectory('torture');
  const out = join(own.path, 'rows.json');
  const script = join(import.meta.dirname, 'torture_inject.py');
  const args = [script, '--manifest', MANIFEST, '--dst', dst, '--tls', tls, '--json', out];
  await run('python3', args, { timeoutMs: 110_000 });
  const found = JSON.parse(readFileSync(out, 'utf8')) as readonly Row[];
  own.remove();
  return found;
}

describe('the torture messages of RFC 4475', () => {
  it('were all injected, over UDP, TCP and TLS', () => {
    const { messages } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { messages: unknown[] };
    expect(rows).toHaveLength(messages.length);
    expect(new Set(rows.map((row) => row.transport))).toEqual(new Set(['UDP', 'TCP', 'TLS']));
  });

  it('are each answered, or dropped, as an element of our kind may', () => {
    expect(rows.filter((row) => row.verdict !== 'pass')).toEqual([]);
  });

  it('leave the daemon alive, and no bug behind', () => {
    expect(rows.filter((row) => !row.alive)).toEqual([]);
    expect(trunkd.lines('bug.caught')).toEqual([]);
  });
});
