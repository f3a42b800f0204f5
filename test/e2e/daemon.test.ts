/** The daemon as a process: start, signals, reload, stop. The registrar's own books are the judge. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readVersion } from '../../src/cli/version.ts';
import { addAddress, removeAddress } from '../support/own-address.ts';
import { eventually } from '../support/processes.ts';
import { Daemon, SourceDaemon } from '../support/source-daemon.ts';
import { UdpRegistrar } from '../support/udp-registrar.ts';

const PASSWORD = 'a-long-enough-password';
const VERSION = readVersion();

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

function registrationOf(username: string): object {
  return {
    id: username,
    username,
    domain: 'test.example',
    registrar: `sip:127.0.0.1:${registrar.port}`,
    contact: 'self',
    auth: { password: PASSWORD },
  };
}

function config(users: readonly string[], more: object = {}): object {
  return {
    http: { bind: '127.0.0.1:0' },
    pacing: { perTarget: 0 },
    peeringContracts: [
      {
        name: 'acme',
        labels: { customer: 'big' },
        peerServers: [{ name: 'madrid', sipProxy: `127.0.0.1:${registrar.port}` }],
        registrations: users.map(registrationOf),
      },
    ],
    ...more,
  };
}

const users = (count: number): string[] => Array.from({ length: count }, (_, n) => `user${n}`);

/** True once the process has a handler for SIGHUP (proc(5), SigCgt). */
function catchesHup(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const caught = BigInt(`0x${/^SigCgt:\s*(\S+)$/m.exec(status)?.[1] ?? '0'}`);
  return ((caught >> BigInt(constants.signals.SIGHUP - 1)) & 1n) === 1n;
}

async function allRegistered(count: number): Promise<void> {
  await eventually(() => new Set(registrar.accepted.map(({ user }) => user)).size === count);
}

describe('start and stop', () => {
  it('is ready, registers, and ends with 0 after SIGTERM; the binding stays', async () => {
    files.write(config(['alice']));
    const daemon = await files.run();
    await eventually(() => daemon.lines('registration.changed').length > 0);
    expect(daemon.lines('registration.changed')).toMatchObject([
      { registration: 'alice', state: 'registered', bound: true, contract: 'acme' },
    ]);
    await eventually(() => daemon.lines('peerServer.changed').length > 0);
    expect(daemon.lines('peerServer.changed')[0]).toMatchObject({
      peerServer: 'acme/madrid',
      state: 'up',
      enabled: true,
    });
    expect(await (await fetch(`${daemon.url}/readyz`)).json()).toEqual({ status: 'ready' });
    expect(await daemon.running.stop('SIGTERM')).toBe('0');
    expect(daemon.lines('stopped')).toHaveLength(1);
    expect(registrar.accepted.map(({ expires }) => expires)).not.toContain(0);
    const agents = registrar.wire.map((text) => /^User-Agent: (.*)\r$/m.exec(text)?.[1]);
    expect(new Set(agents)).toEqual(new Set([`trunkd/${VERSION}`]));
  });

  it('SIGINT stops as well, and a client that holds its connection does not hold us', async () => {
    files.write(config([]));
    const daemon = await files.run();
    const reply = await fetch(`${daemon.url}/v1/registrations`);
    expect(await reply.json()).toEqual({ items: [], next: null });
    expect(await daemon.running.stop('SIGINT')).toBe('0');
  });

  it('unregisterOnStop removes every binding', async () => {
    files.write(config(users(20), { unregisterOnStop: true }));
    const daemon = await files.run();
    await allRegistered(20);
    expect(await daemon.running.stop('SIGTERM')).toBe('0');
    expect(registrar.accepted.filter(({ expires }) => expires === 0)).toHaveLength(20);
  });

  it('a signal while the program still loads is no accident', async () => {
    files.write(config([]));
    const reloaded = files.start(['run']);
    // Node itself catches SIGTERM from its start; SIGHUP is ours, and comes last.
    await eventually(() => catchesHup(reloaded.pid));
    reloaded.signal('SIGHUP');
    const daemon = new Daemon(reloaded);
    await reloaded.until(() => daemon.lines('ready').length > 0);
    expect(await reloaded.stop('SIGTERM')).toBe('0');
    const stopped = files.start(['run']);
    await eventually(() => catchesHup(stopped.pid));
    expect(await stopped.stop('SIGTERM')).toBe('0');
  });

  it('a second signal ends it at once', async () => {
    files.write(config(users(3), { unregisterOnStop: true }));
    const daemon = await files.run();
    await allRegistered(3);
    await registrar.close();
    registrar = await UdpRegistrar.open(PASSWORD);
    daemon.running.signal('SIGTERM');
    await eventually(() => daemon.lines('stopping').length > 0);
    // Meanwhile it tells what it knows, and steers no calls.
    const route = await fetch(`${daemon.url}/v1/route?contract=acme&to=1&from=2`);
    expect([route.status, route.headers.get('retry-after')]).toEqual([503, '5']);
    expect((await fetch(`${daemon.url}/v1/registrations`)).status).toBe(200);
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(503);
    expect(await daemon.running.stop('SIGTERM', 5_000)).toBe('0');
    expect(daemon.lines('stopped')).toEqual([]);
  });

  it('a port that is taken is told, with 71', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    files.write(config([], { http: { bind: `127.0.0.1:${port}` } }));
    const { status, out } = await files.command(['run']);
    taken.close();
    expect(status).toBe('71');
    expect(out).toContain('"event":"start.failed"');
    expect(out).toContain('HTTP API (http.bind): listen EADDRINUSE');
  });

  it('a broken configuration is told whole, with 78', async () => {
    files.write(config(['alice'], { pacing: { perTarget: -1 }, colour: 'red' }));
    const { status, out } = await files.command(['run']);
    expect(status).toBe('78');
    const problems = out.split('\n').map((line) => JSON.parse(line).problem);
    expect(problems.filter((text) => /trunkd\.yaml:\d+:\d+: /.test(text))).toHaveLength(2);
  });
});

describe('reload', () => {
  it('what is the same keeps Call-ID and CSeq; what went is unregistered; what came registers', async () => {
    files.write(config(['stays', 'goes']));
    const daemon = await files.run();
    await allRegistered(2);
    const before = registrar.of('stays');
    files.write(config(['stays', 'comes'], { log: { level: 'debug' } }));
    expect(await daemon.reload()).toMatchObject({
      event: 'config.reloaded',
      added: 1,
      removed: 1,
      changed: 0,
      unchanged: 1,
    });
    await eventually(() => registrar.of('comes').length === 1);
    await eventually(() => registrar.of('goes').at(-1)?.expires === 0);
    await eventually(() => daemon.lines('registration.removed').length === 1);
    const url = `${daemon.url}/v1/registrations/stays/commands`;
    const headers = { 'content-type': 'application/json' };
    await fetch(url, { method: 'POST', headers, body: '{"command":"register"}' });
    await eventually(() => registrar.of('stays').length > before.length);
    const [first] = before;
    const last = registrar.of('stays').at(-1);
    expect(last?.callId).toBe(first?.callId);
    // One more request, with the nonce of before: nothing was forgotten, nothing was sent in between.
    expect(last?.cseq).toBe((first?.cseq ?? 0) + 1);
  });

  it('a broken file changes nothing and lists every problem', async () => {
    files.write(config(['alice']));
    const daemon = await files.run();
    await allRegistered(1);
    const count = registrar.accepted.length;
    const earlier = daemon.lines('config.problem').length;
    files.write(config(['alice', 'alice'], { colour: 'red', http: { bind: 'nowhere' } }));
    expect(await daemon.reload()).toMatchObject({
      event: 'config.reloadRefused',
      reason: 'invalid',
    });
    const problems = daemon.lines('config.problem').slice(earlier);
    expect(problems.length).toBeGreaterThanOrEqual(3);
    for (const { problem } of problems) expect(problem).toMatch(/trunkd\.yaml:\d+:\d+: /);
    const asked = await files.command(['reload', '--url', daemon.url]);
    expect(asked).toMatchObject({ status: '78', err: expect.stringContaining(' problems.') });
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toContain('\ntrunkd_config_last_reload_success 0\n');
    expect(registrar.accepted).toHaveLength(count);
    files.write(config(['alice']));
    expect(await daemon.reload()).toMatchObject({ event: 'config.reloaded', unchanged: 1 });
  });

  it('one that drops much is refused, until an operator forces it', async () => {
    files.write(config(users(30)));
    const daemon = await files.run();
    await allRegistered(30);
    files.write(config(users(5)));
    expect(await daemon.reload()).toMatchObject({ reason: 'guard' });
    expect(registrar.accepted.map(({ expires }) => expires)).not.toContain(0);
    const refused = await files.command(['reload', '--url', daemon.url]);
    expect(refused).toMatchObject({ status: '69', err: expect.stringContaining('drops 25 of 30') });
    const forced = await files.command(['reload', '--force', '--url', daemon.url]);
    expect(forced).toMatchObject({ status: '0', out: expect.stringContaining('25 removed') });
    await eventually(() => registrar.accepted.filter(({ expires }) => expires === 0).length === 25);
  });

  it('names the keys that wait for a restart, each time', async () => {
    files.write(config([]));
    const daemon = await files.run();
    files.write(config([], { dns: { servers: ['127.0.0.1:53'] } }));
    await daemon.reload();
    await daemon.reload();
    await eventually(() => daemon.lines('config.restartNeeded').length >= 2);
    expect(daemon.lines('config.restartNeeded').map(({ keys }) => keys)).toEqual([
      ['dns'],
      ['dns'],
    ]);
  });

  it('local sockets follow a reload, and registrations follow them', async () => {
    const socket = (name: string) => ({ name, protocol: 'udp', bind: '127.0.0.1:0' });
    files.write(config(['alice'], { localSockets: [socket('one')] }));
    const daemon = await files.run();
    await eventually(() => registrar.accepted.length === 1);
    files.write(config(['alice'], { localSockets: [socket('two')] }));
    expect(await daemon.reload()).toMatchObject({ event: 'config.reloaded', unchanged: 1 });
    expect(daemon.lines('config.restartNeeded')).toEqual([]);
    // Its Contact is the socket: there is another one now, and it names it.
    await eventually(() => registrar.accepted.length >= 2);
    const [before, after] = registrar.accepted.map(({ contact }) => contact);
    expect(after).not.toBe(before);
    const taken = { ...socket('two'), bind: `127.0.0.1:${registrar.port}` };
    files.write(config(['alice'], { localSockets: [taken] }));
    expect(await daemon.reload()).toMatchObject({
      event: 'config.reloadRefused',
      reason: 'sockets',
      text: expect.stringContaining('Local socket two'),
    });
  });

  it('goes on after it was stopped for a while: what lapsed meanwhile is made again, and told so', async () => {
    const alice = { ...registrationOf('alice'), expires: 6 };
    files.write(
      config([], {
        peeringContracts: [{ name: 'acme', registrations: [alice] }],
      }),
    );
    const daemon = await files.run();
    await eventually(() => registrar.accepted.length >= 1);
    daemon.running.signal('SIGSTOP');
    const before = registrar.accepted.length;
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    daemon.running.signal('SIGCONT');
    await eventually(() => registrar.accepted.length > before);
    // The log comes by a pipe, and may be read after what came over the network.
    await eventually(() => daemon.lines('process.stoodStill').length > 0);
    const [standstill] = daemon.lines('process.stoodStill');
    expect(Number(standstill?.['durationMs'])).toBeGreaterThan(7_000);
    await eventually(() => daemon.lines('registration.changed').at(-1)?.['state'] === 'registered');
    expect(daemon.lines('registration.changed')).toContainEqual(
      expect.objectContaining({
        state: 'waiting',
        bound: false,
        cause: expect.objectContaining({ code: 'registration.stoodStill' }),
      }),
    );
  });

  it('starts where an address is not there yet, and says which socket waits', async () => {
    const late = { name: 'late', protocol: 'udp', bind: '192.0.2.77:0' };
    files.write(config(['alice'], { localSockets: [late] }));
    const daemon = await files.run();
    expect(daemon.lines('net.noticed')).toMatchObject([
      { kind: 'socket.waiting', localSocket: 'late' },
    ]);
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toContain('trunkd_local_socket_open{local_socket="late"} 0');
    await addAddress('192.0.2.77');
    try {
      await eventually(() => daemon.lines('net.noticed').length === 3, { timeoutMs: 20_000 });
      await eventually(() => registrar.wire.some((text) => text.includes('192.0.2.77')));
    } finally {
      await removeAddress('192.0.2.77');
    }
  });

  it('keys that need no restart take effect', async () => {
    files.write(config(users(3)));
    const daemon = await files.run();
    const hot = {
      metrics: { perRegistration: 1 },
      userAgent: 'another/2',
      log: { level: 'debug' },
    };
    files.write(config(users(3), hot));
    expect(await daemon.reload()).toMatchObject({ event: 'config.reloaded', changed: 3 });
    expect(daemon.lines('config.restartNeeded')).toEqual([]);
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics.match(/^trunkd_registration_bound\{/gm)).toHaveLength(1);
    expect(metrics).toContain('\ntrunkd_registration_series_omitted 2\n');
    await files.command(['probe', 'acme/madrid', '--url', daemon.url]);
    await eventually(() => registrar.wire.some((text) => text.includes('User-Agent: another/2')));
  });

  it('the first server of a protocol gets its socket at once', async () => {
    files.write(config(['alice']));
    const daemon = await files.run();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const asked = once(server, 'connection').then(async ([socket]) => {
      socket.on('error', () => undefined);
      const [octets] = await once(socket, 'data');
      socket.destroy();
      return String(octets);
    });
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const peerServers = [{ name: 'new', sipProxy: `127.0.0.1:${port}`, transport: 'tcp' }];
    const { peeringContracts } = config(['alice']) as { peeringContracts: object[] };
    const contracts = [...peeringContracts, { name: 'other', peerServers }];
    files.write(config(['alice'], { peeringContracts: contracts }));
    expect(await daemon.reload()).toMatchObject({
      event: 'config.reloaded',
      unchanged: 1,
      peerServers: { added: 1, changed: 0, removed: 0 },
    });
    expect(daemon.lines('config.restartNeeded')).toEqual([]);
    expect(await asked).toMatch(/^OPTIONS sip:.*\r\nVia: SIP\/2.0\/TCP /);
    server.close();
  });

  it('a new id for the same address of record does not unregister it', async () => {
    files.write(config(['alice']));
    const daemon = await files.run();
    await allRegistered(1);
    const [contract] = (config(['alice']) as { peeringContracts: object[] }).peeringContracts;
    const registrations = [{ ...registrationOf('alice'), id: 'renamed' }];
    files.write(config([], { peeringContracts: [{ ...contract, registrations }] }));
    expect(await daemon.reload()).toMatchObject({ event: 'config.reloaded', changed: 1 });
    await eventually(() => registrar.accepted.length >= 2);
    expect(registrar.accepted.map(({ expires }) => expires)).not.toContain(0);
    const rows: unknown = await (await fetch(`${daemon.url}/v1/registrations`)).json();
    expect(rows).toMatchObject({ items: [{ id: 'renamed' }] });
  });

  it('a binding that moves to another id stays; one that no id has any more goes', async () => {
    const [contract] = (config([]) as { peeringContracts: object[] }).peeringContracts;
    const write = (ids: Readonly<Record<string, string>>, ddi?: string) => {
      const registrations = Object.entries(ids).map(([id, user]) => ({
        ...registrationOf(user),
        id,
        ...(user === 'carol' ? { ddi } : {}),
      }));
      files.write(config([], { peeringContracts: [{ ...contract, registrations }] }));
    };
    write({ one: 'alice', two: 'bob', three: 'carol', four: 'dave' }, '100');
    const daemon = await files.run();
    await allRegistered(4);
    write({ one: 'bob', two: 'alice', five: 'carol', three: 'dave' }, '200');
    expect(await daemon.reload()).toMatchObject({ added: 1, changed: 3, removed: 1, unchanged: 0 });
    const idle = (user: string) => registrar.of(user).length;
    await eventually(() => ['alice', 'bob', 'dave'].every((user) => idle(user) === 2));
    await eventually(() => registrar.of('carol').length === 3);
    const removals = registrar.accepted.filter(({ expires }) => expires === 0);
    expect(removals).toMatchObject([{ user: 'carol', contact: expect.stringContaining(':100@') }]);
    const rows = (await (await fetch(`${daemon.url}/v1/registrations`)).json()) as {
      items: { id: string; username: string; bound: boolean }[];
    };
    expect(rows.items.map(({ id, username, bound }) => [id, username, bound])).toEqual([
      ['five', 'carol', true],
      ['one', 'bob', true],
      ['three', 'dave', true],
      ['two', 'alice', true],
    ]);
  });
});
