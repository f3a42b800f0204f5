/**
 * The shipped unit under a real systemd: start, reload, watchdog, kill, stop. One boot, many looks at it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bootAndRun } from '../support/booted-system.ts';
import { ownDirectory, Running, run } from '../support/processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const UNIT = join(ROOT, 'systemd/trunkd.service');
const SYSUSERS = join(ROOT, 'systemd/trunkd.sysusers');
const text = (path: string): string => readFileSync(path, 'utf8');

describe('the unit file', () => {
  it('is one that systemd understands', async () => {
    const directory = ownDirectory('unit');
    const copy = join(directory.path, 'trunkd.service');
    // The program is not installed on this machine; everything else is judged as it stands.
    await run('cp', [UNIT, copy]);
    await run('sed', ['-i', 's,/usr/bin/trunkd,/bin/true,', copy]);
    const verify = new Running({ command: 'systemd-analyze', args: ['verify', copy] });
    const end = await verify.ended();
    const complaints = [...verify.stdout, ...verify.stderr].filter((line) => line.includes(copy));
    directory.remove();
    expect({ end, complaints }).toEqual({ end: '0', complaints: [] });
  });

  it('is hardened: exposure at most 2.0 of 10', async () => {
    const args = ['security', '--offline=true', '--threshold=20', UNIT];
    expect(await run('systemd-analyze', args)).toMatch(/Overall exposure level .*: [01]\.\d OK/);
  });

  it('has a user that systemd-sysusers can make', async () => {
    const made = new Running({ command: 'systemd-sysusers', args: ['--dry-run', SYSUSERS] });
    expect(await made.ended()).toBe('0');
    expect(text(SYSUSERS)).toMatch(/^u trunkd /m);
  });
});

describe('the unit, booted', () => {
  let steps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  let journal: string;

  beforeAll(async () => {
    const output = await bootAndRun({
      files: {
        '/etc/systemd/system/trunkd.service': text(UNIT),
        '/etc/systemd/system/trunkd.service.d/quick.conf': '[Service]\nWatchdogSec=4\n',
        '/usr/lib/sysusers.d/trunkd.conf': text(SYSUSERS),
        '/etc/trunkd/trunkd.yaml': CONFIG,
      },
      directories: { [ROOT]: '/usr/lib/trunkd' },
      script: text(join(import.meta.dirname, 'systemd-trial.sh')),
      timeoutMs: 110_000,
    });
    const [shown = '', journaled = ''] = output.split('== journal\n');
    steps = readSteps(shown);
    journal = journaled;
  });

  it('starts, and is active because trunkd said that it is ready', () => {
    expect(steps.get('start')).toMatchObject({ rc: '0', ActiveState: 'active', NRestarts: '0' });
    expect(steps.get('start')?.['StatusText']).not.toBe('');
    expect(journal).toContain('"event":"ready"');
  });

  it('runs as its own user, without capabilities, in its sandbox', () => {
    const process = steps.get('process');
    expect(process).toMatchObject({ User: 'trunkd', CapEff: ZERO, CapBnd: ZERO, CapAmb: ZERO });
    expect(process).toMatchObject({ NoNewPrivs: '1', Seccomp: '2' });
  });

  it('reloads on SIGHUP, and says when it is done', () => {
    expect(steps.get('reload')).toMatchObject({ rc: '0', ActiveState: 'active', NRestarts: '0' });
    expect(steps.get('reload')?.['MainPID']).toBe(steps.get('start')?.['MainPID']);
    expect(steps.get('reload')?.['applied']).toBe('yes');
  });

  it('is killed by the watchdog when it stalls, and started again', () => {
    expect(steps.get('watchdog')).toMatchObject({ ActiveState: 'active', NRestarts: '1' });
    expect(steps.get('watchdog')?.['MainPID']).not.toBe(steps.get('start')?.['MainPID']);
    expect(journal).toMatch(/Watchdog timeout/);
  });

  it('is started again after a kill', () => {
    expect(steps.get('killed')).toMatchObject({ ActiveState: 'active', NRestarts: '2' });
  });

  it('stops cleanly and soon', () => {
    const stop = steps.get('stop');
    expect(stop).toMatchObject({ rc: '0', ActiveState: 'inactive', Result: 'success' });
    expect(Number(stop?.['seconds'])).toBeLessThan(15);
  });

  it('does not try again for ever with a configuration that is wrong', () => {
    expect(steps.get('broken')).toMatchObject({ ActiveState: 'failed', ExecMainStatus: '78' });
    expect(steps.get('broken')?.['NRestarts']).toBe('0');
  });
});

const ZERO = '0000000000000000';
const CONFIG = `version: 1
http: { bind: "127.0.0.1:9077" }
peeringContracts:
  - name: acme
    peerServers:
      - { name: madrid, sipProxy: "127.0.0.1:5060", transport: udp }
`;

/** `== name` begins a step, `key=value` lines follow. */
function readSteps(output: string): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const found = new Map<string, Record<string, string>>();
  let step: Record<string, string> = {};
  for (const line of output.split('\n')) {
    if (line.startsWith('== ')) {
      step = {};
      found.set(line.slice(3), step);
    } else {
      const at = line.indexOf('=');
      if (at > 0) step[line.slice(0, at)] = line.slice(at + 1);
    }
  }
  return found;
}
