/** The daemon's way to its configuration: a real thread, real files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadInThread } from '../../../src/config/config-thread.ts';
import { loadConfig } from '../../../src/config/load.ts';

const OPTIONS = { mode: 'run', env: { PW: 'from-env' }, userAgent: 'trunkd/test' } as const;
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'trunkd-thread-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

describe('a configuration that a thread loads', () => {
  test('is what the same thread would have made of it', async () => {
    const path = write(
      'good.yaml',
      `version: 1
peeringContracts:
  - name: acme
    peerServers: [{ name: one, sipProxy: 192.0.2.1 }]
    registrations:
      - { username: a, domain: acme.example, contact: self, auth: { password: { env: PW } } }
`,
    );
    const [inThread, here] = [await loadInThread(path, OPTIONS), await loadConfig(path, OPTIONS)];
    expect(inThread).toEqual(here);
    expect(inThread.ok && inThread.spec.registrations[0]?.credentials.password?.reveal()).toBe(
      'from-env',
    );
  });

  test.each([
    ['a file that is not there', () => join(directory, 'none.yaml')],
    ['text that is no YAML', () => write('broken.yaml', 'a: [1\nb: "\n')],
    ['wrong keys', () => write('wrong.yaml', 'version: 2\nhtpp: {}\nlog: { level: loud }\n')],
  ])('fails in the same words: %s', async (_name, make) => {
    const path = make();
    const [inThread, here] = [await loadInThread(path, OPTIONS), await loadConfig(path, OPTIONS)];
    expect(inThread.ok).toBe(false);
    expect(inThread).toEqual(here);
  });

  test('may be 100,000 lines: the loop of the main thread goes on', async () => {
    const count = 100_000;
    const lines = Array.from({ length: count }, (_, index) =>
      JSON.stringify({ username: `u${index}`, ddi: `${index}`, auth: { password: `pw${index}` } }),
    );
    write('accounts.ndjson', lines.join('\n'));
    const path = write(
      'bulk.yaml',
      `version: 1
defaults: { registration: { domain: acme.example, contact: self } }
peeringContracts: [{ name: acme, registrationsFrom: accounts.ndjson }]
`,
    );
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const result = await loadInThread(path, OPTIONS);
    delay.disable();
    if (!result.ok) throw new Error(result.problems.map(({ text }) => text).join('\n'));
    const { registrations } = result.spec;
    expect(registrations).toHaveLength(count);
    expect(registrations.at(-1)).toMatchObject({ username: 'u99999', ddi: '99999' });
    expect(registrations.at(-1)?.credentials.password?.reveal()).toBe('pw99999');
    expect(new Set(registrations.map(({ profile }) => profile)).size).toBe(1);
    // Generous: a twentieth of it is usual.
    expect(delay.max / 1e6).toBeLessThan(1000);
  });
});
