import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoadOptions, loadConfig } from '../../../src/config/load.ts';
import { problemsOf } from '../../support/config/load-text.ts';

let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'trunkd-config-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function load(path: string, options: Partial<LoadOptions> = {}) {
  return loadConfig(path, { mode: 'run', env: {}, ...options });
}

async function problemsIn(path: string, options: Partial<LoadOptions> = {}) {
  const problems = problemsOf(await load(path, options));
  return problems.map((problem) => problem.replaceAll(`${directory}/`, ''));
}

const ACCOUNT = (user: string, auth: string) => `
peeringContracts:
  - name: acme
    registrations:
      - { username: "${user}", domain: a.example, contact: self, auth: ${auth} }
`;

function lineOf(index: number): string {
  const user = `u${String(index).padStart(6, '0')}`;
  return JSON.stringify({
    id: user,
    username: user,
    domain: 'bench.example',
    auth: { password: `pw${user}` },
    ddi: user,
    expires: 3600,
    registrar: 'sip:127.0.0.1:5080',
  });
}

const BULK = `
defaults: { registration: { contact: self } }
peeringContracts:
  - { name: acme, registrationsFrom: NAME }
`;

describe('files in a worker thread', () => {
  test('a configuration loads', async () => {
    const path = write('good.yaml', ACCOUNT('1', '{ password: long-enough-secret }'));
    const result = await load(path);
    expect(result.ok && result.spec.registrations).toHaveLength(1);
  });

  test.each([
    [
      'bytes that are no UTF-8',
      Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]),
      'the file is not valid UTF-8',
    ],
    ['a NUL', Buffer.from('log: { level: "in\0fo" }'), 'has to be one of'],
    ['a bomb of aliases', 'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]', 'an alias stands here'],
    ['100,000 brackets', '['.repeat(100_000), 'nested deeper than 32'],
    ['100,000 keys of one name', 'a: 1\n'.repeat(100_000), "'a' stands here again"],
    ['only problems', ']\n'.repeat(50_000), 'this does not belong here'],
  ])('%s is refused', async (name, content, expected) => {
    const problems = await problemsIn(write(`${name.replaceAll(' ', '-')}.yaml`, content));
    expect(problems.join('\n')).toContain(expected);
    expect(problems.length).toBeLessThanOrEqual(101);
  });

  test('a file that is too large is refused before it is read', async () => {
    const path = join(directory, 'large.yaml');
    const descriptor = openSync(path, 'w');
    ftruncateSync(descriptor, 257 * 1024 * 1024);
    closeSync(descriptor);
    expect(await problemsIn(path)).toEqual(['large.yaml:1:1: the file is larger than 256 MiB']);
  });

  test('what is no file is refused and does not hang', async () => {
    const pipe = join(directory, 'pipe.yaml');
    execFileSync('/usr/bin/mkfifo', [pipe]);
    expect(await problemsIn('/dev/zero')).toEqual([
      '/dev/zero:1:1: the file is not a regular file',
    ]);
    expect(await problemsIn(pipe)).toEqual(['pipe.yaml:1:1: the file is not a regular file']);
    expect(await problemsIn(directory)).toHaveLength(1);
    expect(await problemsIn(join(directory, 'none.yaml'))).toEqual([
      'none.yaml:1:1: the file does not exist',
    ]);
    const bulk = write('bulk-pipe.yaml', BULK.replace('NAME', 'pipe.yaml'));
    expect(await problemsIn(bulk)).toEqual([
      'bulk-pipe.yaml:4:38: the file pipe.yaml is not a regular file',
    ]);
  });
});

test('a letter in another encoding is told with its place', async () => {
  const text = `version: 1\npeeringContracts:\n  - { name: acme, description: Telefónica }\n`;
  expect(await problemsIn(write('latin1.yaml', Buffer.from(text, 'latin1')))).toEqual([
    'latin1.yaml:3:37: the file is not valid UTF-8',
  ]);
});

describe('secrets', () => {
  test('from a file beside the configuration and from systemd, one newline cut', async () => {
    write('pw', 'from-a-file-1\n');
    chmodSync(join(directory, 'pw'), 0o600);
    mkdirSync(join(directory, 'credentials'));
    write('credentials/acme', 'from-systemd-1\r\n');
    const env = { CREDENTIALS_DIRECTORY: join(directory, 'credentials') };
    const passwordOf = async (auth: string) => {
      const result = await load(write('secret.yaml', ACCOUNT('1', auth)), { env });
      return result.ok ? result.spec.registrations[0]?.credentials.password?.reveal() : undefined;
    };
    expect(await passwordOf('{ password: { file: pw } }')).toBe('from-a-file-1');
    expect(await passwordOf('{ password: { credential: acme } }')).toBe('from-systemd-1');
  });

  test('a secret or a key that everybody can read is worth a warning, a certificate is not', async () => {
    const block = (what: string) => `-----BEGIN ${what}-----\nAAAA\n-----END ${what}-----\n`;
    write('open.pw', 'long-enough-secret\n');
    write('open.key', block('PRIVATE KEY'));
    write('open.pem', block('CERTIFICATE'));
    const socket = (key: string) =>
      `localSockets: [{ name: s, protocol: tls, bind: "0.0.0.0:0", ca: open.pem, certificate: open.pem, key: ${key} }]\n`;
    const warnings = async (text: string) => {
      const result = await load(write('modes.yaml', text));
      expect(problemsOf(result)).toEqual([]);
      return result.warnings
        .filter(({ text: told }) => told.includes('everybody'))
        .map(({ text: told }) => told.replaceAll(`${directory}/`, ''));
    };
    const account = ACCOUNT('1', '{ password: { file: open.pw } }');
    expect(await warnings(`${account}${socket('open.key')}`)).toEqual([
      'everybody on this machine can read open.key',
      'everybody on this machine can read open.pw',
    ]);
    chmodSync(join(directory, 'open.key'), 0o600);
    chmodSync(join(directory, 'open.pw'), 0o600);
    expect(await warnings(`${account}${socket('open.key')}`)).toEqual([]);
  });

  test('tens of thousands of mistakes take no longer than a look at each', async () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `key${index}: 1\n`);
    const startedAt = performance.now();
    const problems = await problemsIn(write('many.yaml', keys.join('')));
    expect(problems.at(-1)).toBe('many.yaml:1:1: and 9900 more problems');
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  test('what cannot be a secret is refused', async () => {
    write('empty', '\n');
    write('lines', 'one\ntwo\n');
    const wrong = async (auth: string) => problemsIn(write('wrong.yaml', ACCOUNT('1', auth)));
    expect(await wrong('{ password: { file: empty } }')).toEqual([
      'wrong.yaml:5:78: the file of the secret is empty',
    ]);
    expect(await wrong('{ password: { file: lines } }')).toEqual([
      'wrong.yaml:5:78: the file of the secret holds more than one line',
    ]);
    expect(await wrong('{ password: { file: none } }')).toEqual([
      'wrong.yaml:5:78: the file none does not exist',
    ]);
    expect(await wrong('{ password: { credential: x } }')).toEqual([
      'wrong.yaml:5:78: $CREDENTIALS_DIRECTORY is not set',
    ]);
  });

  test('a file that everybody can read is worth a warning', async () => {
    write('open', 'from-an-open-file');
    chmodSync(join(directory, 'open'), 0o644);
    const path = write('open.yaml', ACCOUNT('1', '{ password: { file: open } }'));
    const { warnings } = await load(path);
    expect(warnings.map((one) => one.text)).toEqual([
      `everybody on this machine can read ${join(directory, 'open')}`,
    ]);
  });
});

describe('bulk files', () => {
  test('100,000 lines load quickly, in small slices, and share what is equal', async () => {
    const count = 100_000;
    write('accounts.ndjson', Array.from({ length: count }, (_, index) => lineOf(index)).join('\n'));
    const path = write('bulk.yaml', BULK.replace('NAME', 'accounts.ndjson'));
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const before = process.cpuUsage();

    const result = await load(path);

    const { user, system } = process.cpuUsage(before);
    delay.disable();
    if (!result.ok) throw new Error(problemsOf(result).join('\n'));
    const { registrations } = result.spec;
    expect(registrations).toHaveLength(count);
    expect(new Set(registrations.map((one) => one.profile)).size).toBe(1);
    expect(result.facts.bulkFiles[0]?.registrations).toBe(count);
    // Counted, not measured: no slice holds more than 200 lines.
    expect(result.facts.slices).toBeGreaterThanOrEqual(count / 200);
    // Generous: a tenth of it is usual.
    expect((user + system) / 1e6).toBeLessThan(8);
    expect(delay.max / 1e6).toBeLessThan(1000);
  });

  test('a file that is cut off is refused with its last line', async () => {
    const text = Array.from({ length: 1000 }, (_, index) => lineOf(index)).join('\n');
    write('cut.ndjson', text.slice(0, -20));
    expect(await problemsIn(write('cut.yaml', BULK.replace('NAME', 'cut.ndjson')))).toEqual([
      `cut.ndjson:1000:${lineOf(999).length - 19}: the line ends too early: is the file cut off?`,
    ]);
  });

  test('100,000 bad lines give 100 problems and a number', async () => {
    write('bad.ndjson', '{"username":"a b"}\n'.repeat(100_000));
    const problems = await problemsIn(write('bad.yaml', BULK.replace('NAME', 'bad.ndjson')));
    expect(problems).toHaveLength(101);
    expect(problems[99]).toContain('bad.ndjson:100:13:');
    expect(problems[100]).toBe('bad.yaml:1:1: and 99900 more problems');
  });

  test('lines without end, of zeros, and of another encoding are refused', async () => {
    write('zeros.ndjson', Buffer.alloc(5_000_000));
    write('latin1.ndjson', Buffer.from('{"username":"\xe9"}', 'latin1'));
    const zeros = await problemsIn(write('zeros.yaml', BULK.replace('NAME', 'zeros.ndjson')));
    expect(zeros[0]).toContain('the line is longer than 16384 characters');
    const latin1 = await problemsIn(write('latin1.yaml', BULK.replace('NAME', 'latin1.ndjson')));
    expect(latin1).toEqual(['latin1.ndjson:1:14: this is not valid UTF-8']);
  });

  test('an empty file is a warning, and a fact that the reload guard knows', async () => {
    write('empty.ndjson', '\n\n');
    const result = await load(write('empty-bulk.yaml', BULK.replace('NAME', 'empty.ndjson')));
    expect(result.ok).toBe(true);
    expect(result.facts.bulkFiles.map((one) => one.registrations)).toEqual([0]);
    expect(result.warnings.map((one) => one.text)[0]).toMatch(/empty\.ndjson is empty$/);
  });
});
