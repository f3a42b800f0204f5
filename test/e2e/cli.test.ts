/** The command line as people use it: exit status, and what stands on the screen. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { makePki } from '../support/pki.ts';
import { eventually, freePort, Running, run } from '../support/processes.ts';
import { MAIN, SourceDaemon } from '../support/source-daemon.ts';
import { UdpRegistrar } from '../support/udp-registrar.ts';

const UNWRITABLE = 'consumer.fileUnwritable';
const PASSWORD = 'a-long-enough-password';

let registrar: UdpRegistrar;
let files: SourceDaemon;
beforeEach(async () => {
  registrar = await UdpRegistrar.open(PASSWORD);
  files = new SourceDaemon();
});
afterEach(async () => {
  files.cleanUp();
  await registrar.close();
});

async function config(more: object = {}): Promise<object> {
  return {
    http: { bind: `127.0.0.1:${await freePort()}` },
    pacing: { perTarget: 0 },
    peeringContracts: [
      {
        name: 'acme',
        peerServers: [{ name: 'madrid', sipProxy: `127.0.0.1:${registrar.port}` }],
        registrations: [
          {
            id: 'main',
            username: 'alice',
            domain: 'test.example',
            registrar: `sip:127.0.0.1:${registrar.port}`,
            contact: 'self',
            auth: { password: PASSWORD },
          },
        ],
      },
    ],
    ...more,
  };
}

describe('check', () => {
  it('is 0 for a good file; warnings do not change that', async () => {
    files.write(await config());
    const { status, out } = await files.command(['check']);
    expect(status).toBe('0');
    expect(out).toMatch(/trunkd\.yaml:\d+:\d+: .* \[warning\]/);
    expect(out).toMatch(/1 peering contract, 1 peer server, 1 registration$/);
  });

  it('is 78 for a bad one, with every problem and its place', async () => {
    files.write(await config({ colour: 'red', pacing: { perTarget: 'many' } }));
    const { status, out } = await files.command(['check']);
    expect(status).toBe('78');
    const errors = out.split('\n').filter((line) => !line.endsWith('[warning]'));
    expect(errors).toHaveLength(2);
    for (const line of errors) expect(line).toMatch(/trunkd\.yaml:\d+:\d+: ./);
    expect(out).toContain('colour');
  });

  it('finds a key that does not belong to its certificate; for run that is 71, and no bug', async () => {
    const pki = await makePki(['good', 'dnsonly']);
    onTestFinished(pki.remove);
    const tls = { certificate: pki.filesOf('good').certificate, key: pki.filesOf('dnsonly').key };
    const socket = { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ...tls };
    files.write(await config({ localSockets: [socket] }));
    const checked = await files.command(['check']);
    expect(checked.status).toBe('78');
    expect(checked.out).toMatch(/trunkd\.yaml:\d+:\d+: the key does not belong to the certificate/);
    const { status, out } = await files.command(['run']);
    expect(status).toBe('71');
    expect(out).toContain('"event":"start.failed"');
    expect(out).toContain('the key does not belong to the certificate');
    expect(out).not.toContain('bug.caught');
  });

  it('is 74 where its answer cannot be written, without a stack', async () => {
    files.write(await config());
    const line = `exec "${process.execPath}" "${MAIN}" check --config "${files.config}" > /dev/full`;
    const shell = new Running({ command: 'sh', args: ['-c', line], cwd: '/' });
    expect(await shell.ended()).toBe('74');
    expect(shell.stderr.join('\n')).toMatch(
      /^trunkd: standard output cannot be written: ENOSPC.*$/,
    );
  });

  it('is 78 for a file that is not there', async () => {
    const { status, out } = await files.command(['check']);
    expect(status).toBe('78');
    expect(out).toContain('trunkd.yaml:1:1: ');
  });

  it('an unreadable secret is a warning here, and an error for run', async () => {
    const text = JSON.stringify(await config());
    const secret = JSON.stringify({ file: 'nothing-there' });
    files.writeText('trunkd.yaml', text.replace(JSON.stringify(PASSWORD), secret));
    expect((await files.command(['check'])).status).toBe('0');
    expect((await files.command(['run'])).status).toBe('78');
  });
});

describe('usage', () => {
  it('--version is 0 and one line', async () => {
    const { status, out } = await files.command(['--version'], {}, false);
    expect(status).toBe('0');
    expect(out).toMatch(/^\d+\.\d+\.\d+\S*$/);
  });

  it('--help is 0 and names the commands', async () => {
    const { status, out } = await files.command(['--help'], {}, false);
    expect(status).toBe('0');
    for (const word of ['run', 'check', 'status', 'reload', 'register', 'probe', 'try', 'demo']) {
      expect(out).toMatch(new RegExp(`^  ${word}\\b`, 'm'));
    }
  });

  it.each([[['dance']], [['run', '--colour']], [['register']], [['try', 'register']]])(
    '%j is 64',
    async (args) => {
      expect((await files.command(args, {}, false)).status).toBe('64');
    },
  );
});

describe('commands to the daemon', () => {
  it('status tells of consumers, and of a file that can never be written', async () => {
    const consumers = [
      { name: 'good', type: 'snapshotFile', path: 'out/snapshot.json' },
      { name: 'lost', type: 'snapshotFile', path: '/proc/nowhere/snapshot.json' },
    ];
    files.write(await config({ consumers }));
    const daemon = await files.run();
    const told = () =>
      daemon.lines('consumer.changed').map((line) => [line['consumer'], line['state']]);
    await eventually(() => told().length >= 2);
    expect(new Map(told() as [string, string][])).toEqual(
      new Map([
        ['good', 'inSync'],
        ['lost', 'failing'],
      ]),
    );
    const status = JSON.parse((await files.command(['status', '--json'])).out);
    const [good, lost] = status.consumers;
    expect(good).toMatchObject({ name: 'good', state: 'inSync', drift: 0, cause: null });
    expect(lost).toMatchObject({ name: 'lost', state: 'failing', cause: { code: UNWRITABLE } });
    // It waits, and burns nothing meanwhile.
    expect(Date.parse(lost.nextAttemptAt)).toBeGreaterThan(Date.parse(lost.lastPassAt));
    expect((await files.command(['status'])).out).toMatch(/^lost +snapshotFile +failing .*ENOENT/m);
  });

  it('status, register and probe', async () => {
    files.write(await config());
    const daemon = await files.run();
    await eventually(() => daemon.lines('registration.changed').length > 0);
    await eventually(() => daemon.lines('peerServer.changed').length > 0);

    const table = await files.command(['status']);
    expect(table.status).toBe('0');
    expect(table.out).toMatch(/^PEERING CONTRACT +ENABLED +SERVERS +REGISTRATIONS$/m);
    expect(table.out).toMatch(/^acme +all +1 +1 registered$/m);
    expect(table.out).toMatch(/^acme\/madrid +up +yes /m);
    expect(table.out).toMatch(/^main +registered +yes /m);

    const json = await files.command(['status', '--json']);
    const status = JSON.parse(json.out);
    const api = await (await fetch(`${daemon.url}/v1/registrations/main`)).json();
    expect(status.registrations).toEqual([api]);
    expect(status.peerServers).toMatchObject([{ id: 'acme/madrid', enabled: true }]);
    expect(status.peeringContracts).toMatchObject([{ name: 'acme', enabled: 'all' }]);

    expect((await files.command(['pause', '--reason', 'a move', '--until', '1h'])).status).toBe(
      '0',
    );
    expect((await files.command(['status'])).out).toMatch(
      /^Registrations are paused since .*Z, until trunkd resume or .*Z, by http 127.0.0.1: a move\n/,
    );
    const paused = JSON.parse((await files.command(['status', '--json'])).out);
    expect(paused.verdicts.paused).toMatchObject({ reason: 'a move' });
    expect((await files.command(['resume'])).status).toBe('0');

    const before = registrar.accepted.length;
    expect((await files.command(['register', 'main'])).status).toBe('0');
    await eventually(() => registrar.accepted.length > before);
    const probes = () => registrar.wire.filter((text) => text.startsWith('OPTIONS')).length;
    const probed = probes();
    expect((await files.command(['probe', 'acme/madrid'])).status).toBe('0');
    await eventually(() => probes() > probed);
    expect(await files.command(['register', 'nobody'])).toMatchObject({
      status: '69',
      err: expect.stringContaining('nobody'),
    });
    await eventually(() => daemon.lines('command.received').length >= 5);
    expect(daemon.lines('command.received')).toMatchObject([
      { command: 'pause', subject: 'a move' },
      { command: 'resume' },
      { command: 'register', subject: 'main', origin: 'http 127.0.0.1' },
      { command: 'probe', subject: 'acme/madrid' },
      { command: 'register', subject: 'nobody' },
    ]);
  });

  it('status --json is whole through a pipe, however long and slow', async () => {
    const users = Array.from({ length: 4_000 }, (_, index) => ({ username: `user${index}` }));
    const defaults = {
      registration: { domain: 'test.example', contact: 'self', admin: 'off' },
    };
    const auth = { password: PASSWORD };
    const registrations = users.map((one) => ({ ...one, auth }));
    const peeringContracts = [{ name: 'acme', defaults, registrations }];
    files.write(await config({ peeringContracts }));
    await files.run();
    const main = join(import.meta.dirname, '../../src/main.ts');
    const command = `'${process.execPath}' '${main}' status --json --config '${files.config}'`;
    const out = await run('sh', ['-c', `${command} | (sleep 0.5; cat)`]);
    expect(JSON.parse(out).registrations).toHaveLength(4_000);
  });

  it('find the token by the configuration, a file or the environment', async () => {
    const token = 'token-of-the-test';
    files.writeText('token', `${token}\n`);
    const { http } = (await config()) as { http: object };
    files.write(await config({ http: { ...http, token: { file: 'token' } } }));
    const daemon = await files.run();
    expect((await fetch(`${daemon.url}/v1/registrations`)).status).toBe(401);
    expect((await fetch(`${daemon.url}/livez`)).status).toBe(200);
    expect((await files.command(['status'])).status).toBe('0');
    const remote = ['status', '--url', daemon.url];
    expect((await files.command(remote, { TRUNKD_TOKEN: token }, false)).status).toBe('0');
    const file = ['--token-file', `${files.directory}/token`];
    expect((await files.command([...remote, ...file], {}, false)).status).toBe('0');
    expect(await files.command(remote, { TRUNKD_TOKEN: 'wrong' }, false)).toMatchObject({
      status: '69',
      err: expect.stringContaining('Token needed'),
    });
    expect(files.output).not.toContain(token);
  });

  it('say that the daemon does not run', async () => {
    files.write(await config());
    for (const args of [['status'], ['reload'], ['register', 'main'], ['probe', 'acme/madrid']]) {
      const { status, err } = await files.command(args);
      expect(status).toBe('69');
      expect(err).toMatch(/^trunkd: http:\/\/127\.0\.0\.1:\d+ refuses the connection: /);
    }
  });

  it('say how things are named', async () => {
    const more = ['--url', 'http://127.0.0.1:9'];
    const explain = await files.command(['explain', 'alice', ...more]);
    expect(explain).toMatchObject({ status: '64', err: expect.stringContaining('CONTRACT/NAME') });
    expect(explain.err).toContain('trunkd status');
    const unregister = await files.command(['unregister', 'acme/main', ...more]);
    expect(unregister.status).toBe('64');
    expect(unregister.err).toContain('"acme/main" is no id of a registration');
  });

  it('say that the configuration does not help', async () => {
    const { status, err } = await files.command(['status']);
    expect(status).toBe('78');
    expect(err).toMatch(/trunkd\.yaml:1:1: .*--url/);
  });
});

describe('try', () => {
  const uri = () => `sip:alice@127.0.0.1:${registrar.port}`;

  it('registers once, tells how it went, and leaves nothing behind', async () => {
    const env = { TRUNKD_PASSWORD: PASSWORD };
    const { status, out } = await files.command(['try', 'register', uri()], env, false);
    expect(status).toBe('0');
    expect(out).toMatch(/^result: +registered$/m);
    expect(out).toMatch(/^answer: +200 OK$/m);
    expect(registrar.accepted.map(({ expires }) => expires)).toEqual([60, 0]);
  });

  it('a wrong password is 1, with the cause, and is not shown', async () => {
    const env = { TRUNKD_PASSWORD: 'wrong-canary' };
    const { status, out, err } = await files.command(['try', 'register', uri()], env, false);
    expect(status).toBe('1');
    expect(out).toMatch(/^result: +rejected$/m);
    expect(out).toContain('auth.credentialsRefused');
    expect(out + err).not.toContain('wrong-canary');
  });

  it('probes once', async () => {
    const args = ['try', 'probe', `sip:127.0.0.1:${registrar.port}`];
    const { status, out } = await files.command(args, {}, false);
    expect(status).toBe('0');
    expect(out).toMatch(/^result: +up$/m);
    expect(out).toMatch(/^round trip: +[\d.]+ ms$/m);
  });

  it('what is no SIP URI is 64', async () => {
    for (const bad of ['alice', 'sip:127.0.0.1', 'tel:+1']) {
      expect((await files.command(['try', 'register', bad], {}, false)).status).toBe('64');
    }
  });
});
