/** Runs the parts of `npm test` and `npm run check`, each with its own time limit, and adds up what they counted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Part {
  readonly name: string;
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** A gate counts as one test; a vitest run counts its own. */
  readonly kind: 'gate' | 'vitest';
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One gate of the house: a tool that has to agree with the whole tree. */
export function gate(name: string, ...command: string[]): Part {
  return { name, command, timeoutMs: 300_000, kind: 'gate' };
}

/** The tests of one or more vitest projects. */
export function suite(
  projects: readonly string[],
  timeoutMs: number,
  wrapper: readonly string[] = [],
): Part {
  const chosen = projects.flatMap((project) => ['--project', project]);
  const command = [...wrapper, 'vitest', 'run', ...chosen];
  return { name: projects.join(' and '), command, timeoutMs, kind: 'vitest' };
}

/** Runs parts one after the other; a part that fails does not stop the next. */
export async function runParts(
  parts: readonly Part[],
  output: 'stream' | 'hold' = 'stream',
): Promise<Counts> {
  const all: Counts[] = [];
  for (const part of parts) all.push(await runPart(part, output));
  return sum(all);
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (a, b) => ({
      passed: a.passed + b.passed,
      failed: a.failed + b.failed,
      skipped: a.skipped + b.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** The last line of everything, and the exit status that goes with it. */
export function close(counts: Counts): void {
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

const running = new Set<ChildProcess>();

/** Each part has a process group of its own, so that nothing that it started outlives its time limit. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) killGroup(child, signal);
    process.kill(process.pid, signal);
  });
}

async function runPart(part: Part, output: 'stream' | 'hold'): Promise<Counts> {
  const started = Date.now();
  console.log(`\n== ${part.name}: ${part.command.join(' ')}`);
  const directory = mkdtempSync(join(tmpdir(), 'trunkd-counts-'));
  const file = join(directory, 'counts.json');
  try {
    const ended = await run(part, output, file);
    const counts = part.kind === 'gate' ? countGate(ended) : countSuite(ended, file);
    const took = Math.round((Date.now() - started) / 1000);
    const result = counts.failed === 0 ? 'ok' : 'FAILED';
    console.log(`== ${part.name}: ${result} after ${took} s (${ended})`);
    return counts;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function run(part: Part, output: 'stream' | 'hold', counts: string): Promise<string> {
  const [command = '', ...args] = part.command;
  const child = spawn(command, args, {
    detached: true,
    stdio: [
      'ignore',
      output === 'stream' ? 'inherit' : 'pipe',
      output === 'stream' ? 'inherit' : 'pipe',
    ],
    env: { ...process.env, TRUNKD_TEST_COUNTS: counts },
  });
  running.add(child);
  const held: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => held.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => held.push(chunk));
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    killGroup(child, 'SIGKILL');
  }, part.timeoutMs);
  const ended = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit status ${code}`));
  });
  clearTimeout(limit);
  running.delete(child);
  if (held.length > 0) process.stdout.write(Buffer.concat(held));
  return isLate ? `stopped at its time limit of ${part.timeoutMs / 1000} s` : ended;
}

function countGate(ended: string): Counts {
  const isGood = ended === GOOD;
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}

/** A run that ended badly without a failed test (a crash, a time limit) counts as one failure. */
function countSuite(ended: string, file: string): Counts {
  const counts = readCounts(file);
  if (ended !== GOOD && counts.failed === 0) return { ...counts, failed: 1 };
  return counts;
}

function readCounts(file: string): Counts {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Counts;
  } catch (error) {
    console.log(`no counts: ${String(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const GOOD = 'exit status 0';
