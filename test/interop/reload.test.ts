/** Reloads as the registrar sees them: what was taken out is unregistered, and nobody else notices. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Binding, Kamailio } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { type Config, Trunkd } from '../support/trunkd.ts';

const COUNT = 100;
const names: readonly string[] = Array.from({ length: COUNT }, (_, index) => `bulk${index}`);
const INLINE = ['one', 'two'] as const;
/** After the first reload. */
const kept = names.filter((name) => name !== 'bulk7');
const password = (name: string): string => `secret of ${name}`;

let pki: Pki;
let kamailio: Kamailio;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  const users = new Map([...names, ...INLINE, 'three'].map((name) => [name, password(name)]));
  kamailio = await Kamailio.start({ users, tls: pki.filesOf('good') });
  trunkd = await Trunkd.start(config(INLINE), { files: bulk(names) });
  await trunkd.allBound(COUNT + INLINE.length);
});

afterAll(async () => {
  await trunkd?.stop();
  await kamailio?.stop();
  pki?.remove();
});

function account(name: string): Record<string, unknown> {
  return {
    id: name,
    username: name,
    domain: 'registrar.test',
    ddi: name,
    auth: { password: password(name) },
    registrar: `sip:127.0.0.1:${kamailio.sipPort}`,
  };
}

function config(inline: readonly string[], more: Record<string, unknown> = {}): Config {
  return {
    localSockets: [{ name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' }],
    pacing: { perTarget: 300, burst: 300 },
    defaults: { registration: { expires: 600, contact: '127.0.0.1:15090' } },
    peeringContracts: [
      { name: 'acme', registrationsFrom: 'accounts.ndjson', registrations: inline.map(account) },
    ],
    ...more,
  };
}

function bulk(kept: readonly string[]): Record<string, string> {
  return { 'accounts.ndjson': kept.map((name) => `${JSON.stringify(account(name))}\n`).join('') };
}

/** Who is registered, by which Call-ID and with which CSeq: the same line means never touched. */
async function lines(): Promise<readonly string[]> {
  const line = (one: Binding): string => `${one.aor} ${one.address} ${one.callId} ${one.cseq}`;
  return [...(await kamailio.dump()).values()].flat().map(line).sort();
}

const isOf = (name: string) => (line: string) => line.startsWith(`${name}@`);

describe('a reload', () => {
  it('unregisters what was taken out, and leaves the others as they were', async () => {
    const before = await lines();
    const result = await trunkd.reload(config(['one', 'three']), bulk(kept));
    expect(result).toMatchObject({ event: 'config.reloaded', removed: 2, added: 1 });
    await eventually(async () => {
      const now = await lines();
      return !now.some(isOf('bulk7')) && !now.some(isOf('two')) && now.some(isOf('three'));
    });
    const others = (all: readonly string[]): readonly string[] =>
      all.filter((line) => !['bulk7', 'two', 'three'].some((name) => isOf(name)(line)));
    expect(others(await lines())).toEqual(others(before));
    await trunkd.allBound(COUNT + 1);
  });

  const linesOf = (text: string): readonly string[] => text.split('\n');
  it.each([
    ['that breaks off in a line', (whole: string) => whole.slice(0, whole.length / 2 - 20)],
    ['of half its lines', (whole: string) => `${linesOf(whole).slice(0, 50).join('\n')}\n`],
    ['that is empty', () => ''],
  ])('refuses a bulk file %s, and unregisters nothing', async (_, cut) => {
    const before = await lines();
    const whole = bulk(kept)['accounts.ndjson'] ?? '';
    const files = { 'accounts.ndjson': cut(whole) };
    const result = await trunkd.reload(config(['one', 'three']), files);
    expect(result.event).toBe('config.reloadRefused');
    await sleep(2000);
    expect(await lines()).toEqual(before);
    await trunkd.allBound(COUNT + 1, 1000);
  });

  it('refuses a broken config, lists every problem, and changes nothing', async () => {
    const before = await lines();
    const earlier = trunkd.lines('config.problem').length;
    const broken = config(['one', 'three'], { pacing: { perTarget: -1 }, unknownKey: true });
    const result = await trunkd.reload(broken, bulk(kept));
    expect(result.event).toBe('config.reloadRefused');
    const problems = trunkd
      .lines('config.problem')
      .slice(earlier)
      .map((line) => line['problem']);
    expect(problems).toHaveLength(2);
    for (const problem of problems) expect(problem).toMatch(/trunkd\.yaml:\d+:\d+: /);
    expect(problems.join('\n')).toContain('unknownKey');
    expect(await lines()).toEqual(before);
  });

  it('goes on as if nothing had happened once the files are whole again', async () => {
    const before = await lines();
    const result = await trunkd.reload(config(['one', 'three']), bulk(kept));
    expect(result).toMatchObject({ event: 'config.reloaded', removed: 0, added: 0, changed: 0 });
    await sleep(1000);
    expect(await lines()).toEqual(before);
  });
});
