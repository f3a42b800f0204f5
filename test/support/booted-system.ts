/**
 * A real systemd as pid 1: `systemd-nspawn` on an overlay of this very machine's file system, with a
 * network of its own. Needs root. What happens inside is done by a script, since nothing outside can
 * talk to that pid 1; the script's output is the result.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownDirectory, Running, run } from './processes.ts';

export interface BootPlan {
  /** Absolute path inside -> content. */
  readonly files: Readonly<Record<string, string>>;
  /** Directory of this machine -> absolute path inside, read-only. */
  readonly directories: Readonly<Record<string, string>>;
  /** Shell script that runs inside as root once systemd is up; what it writes to stdout comes back. */
  readonly script: string;
  readonly timeoutMs: number;
}

/** Boots, runs the script, powers off, and takes every mount away again. */
export async function bootAndRun(plan: BootPlan): Promise<string> {
  const directory = ownDirectory('nspawn');
  const base = directory.path;
  // An overlay cannot lie on another overlay, as in a container: so the upper layer is memory.
  await run('mount', ['-t', 'tmpfs', '-o', 'size=512m,mode=755', 'tmpfs', base]);
  const merged = join(base, 'merged');
  try {
    for (const name of ['upper', 'work', 'merged']) mkdirSync(join(base, name));
    const layers = `lowerdir=/,upperdir=${join(base, 'upper')},workdir=${join(base, 'work')}`;
    await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, merged]);
    furnish(merged, plan);
    await boot(merged, plan).catch((error: unknown) => {
      // How far it came is what one needs to know.
      throw new Error(`${String(error)}\n${read(merged, OUTPUT)}`, { cause: error });
    });
    return read(merged, OUTPUT);
  } finally {
    // Lazily: a kernel that still holds a file open there must not keep the test from cleaning up.
    await run('umount', ['--lazy', '--recursive', base]);
    directory.remove();
  }
}

const read = (merged: string, path: string): string =>
  existsSync(join(merged, path)) ? readFileSync(join(merged, path), 'utf8') : `no ${path}`;

function furnish(merged: string, plan: BootPlan): void {
  const files: Readonly<Record<string, string>> = {
    ...plan.files,
    '/usr/lib/trial/script': plan.script,
    '/etc/systemd/system/trial.service': TRIAL_SERVICE,
    '/etc/systemd/system/trial.target': TRIAL_TARGET,
  };
  for (const [path, content] of Object.entries(files)) {
    const inside = join(merged, path);
    mkdirSync(dirname(inside), { recursive: true });
    writeFileSync(inside, content);
  }
  for (const path of Object.values(plan.directories))
    mkdirSync(join(merged, path), { recursive: true });
}

async function boot(merged: string, plan: BootPlan): Promise<void> {
  const binds = Object.entries(plan.directories).map(([from, to]) => `--bind-ro=${from}:${to}`);
  const nspawn = new Running({
    command: 'systemd-nspawn',
    args: [
      `--directory=${merged}`,
      '--register=no',
      '--keep-unit',
      '--private-network',
      '--link-journal=no',
      '--console=pipe',
      ...binds,
      '--boot',
      'systemd.unit=trial.target',
    ],
  });
  await nspawn.ended(plan.timeoutMs);
}

const OUTPUT = '/var/trial.out';
const TRIAL_SERVICE = `[Unit]
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
ExecStart=/bin/sh /usr/lib/trial/script
StandardOutput=file:${OUTPUT}
StandardError=inherit
`;
const TRIAL_TARGET = `[Unit]
Requires=basic.target systemd-journald.service
Wants=trial.service
After=basic.target systemd-journald.service
AllowIsolate=yes
`;
