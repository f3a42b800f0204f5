/**
 * Servers that are watched without OPTIONS: by connections (TCP, TLS) and by how REGISTERs end. Kamailio is
 * the server, and its log the judge of what reached it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBlackHole } from '../support/black-hole.ts';
import { Kamailio } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const PASSWORD = 'a long password';
const PROBE = {
  mode: 'connect',
  interval: '2s',
  timeout: '1s',
  fall: 3,
  rise: 2,
  recheck: '500ms',
};

let pki: Pki;
let kamailio: Kamailio;
let hole: Awaited<ReturnType<typeof aBlackHole>>;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  hole = await aBlackHole();
  kamailio = await Kamailio.start({
    users: new Map([['mabel', PASSWORD]]),
    tls: pki.filesOf('good'),
  });
  const tls = { sipProxy: `127.0.0.1:${kamailio.tlsPort}`, transport: 'tls' };
  trunkd = await Trunkd.start({
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    log: { level: 'debug' },
    pacing: { perTarget: 20, burst: 5 },
    peeringContracts: [
      {
        name: 'streams',
        defaults: { probe: PROBE },
        peerServers: [
          { name: 'tcp', sipProxy: `127.0.0.1:${kamailio.sipPort}`, transport: 'tcp' },
          { name: 'tls', ...tls, tls: { identity: 'registrar.test' } },
          { name: 'stranger', ...tls, tls: { identity: 'another.test' } },
          { name: 'hole', sipProxy: `127.0.0.1:${hole.port}`, transport: 'tcp' },
        ],
      },
      {
        name: 'registering',
        peerServers: [
          {
            name: 'main',
            sipProxy: `127.0.0.1:${kamailio.sipPort}`,
            transport: 'udp',
            probe: { mode: 'register', timeout: '1s', fall: 1 },
          },
        ],
        registrations: [
          {
            id: 'mabel',
            username: 'mabel',
            domain: 'registrar.test',
            registrar: `sip:127.0.0.1:${kamailio.sipPort};transport=udp`,
            auth: { password: PASSWORD },
            contact: '127.0.0.1:15091',
            expires: 3600,
          },
        ],
      },
    ],
  });
});

afterAll(async () => {
  await trunkd?.stop();
  await kamailio?.stop();
  await hole?.close();
  pki?.remove();
});

async function untilState(server: string, state: string): Promise<void> {
  await eventually(async () => (await trunkd.peerServer(server)).state === state, {
    timeoutMs: 30_000,
    what: () => `${server} is ${state}`,
  });
}

/** Has the registration tried once more, and waits for the end of that. */
async function registerAgain(): Promise<void> {
  const ended = () => trunkd.lines('registration.answered').length;
  const before = ended();
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ command: 'register' });
  await fetch(`${trunkd.url}/v1/registrations/mabel/commands`, { method: 'POST', headers, body });
  await eventually(() => ended() > before, { timeoutMs: 45_000, what: () => 'REGISTER ends' });
}

describe('mode connect', () => {
  it('takes who accepts connections for up, and who shows another certificate for down', async () => {
    await untilState('streams/tcp', 'up');
    await untilState('streams/tls', 'up');
    await untilState('streams/stranger', 'down');
    expect((await trunkd.peerServer('streams/stranger')).cause?.code).toBe('tls.identity');
    expect((await trunkd.peerServer('streams/tcp')).cause).toMatchObject({
      code: 'probe.answered',
      text: 'The server accepts connections; more is not asked of it.',
    });
  });

  it('who takes no connection and refuses none has never answered', async () => {
    await eventually(async () => (await trunkd.peerServer('streams/hole')).lastResort);
    expect(await trunkd.peerServer('streams/hole')).toMatchObject({
      ...{ state: 'unknown', enabled: true },
      cause: { code: 'probe.neverAnswered' },
    });
  });

  it('leaves no connection behind', async () => {
    const answer = await fetch(`${trunkd.url}/metrics`);
    const open = /^trunkd_open_connections(?:\{[^}]*\})? (\d+)$/m.exec(await answer.text());
    expect(Number(open?.[1])).toBeLessThanOrEqual(2);
  });
});

describe('mode register', () => {
  it('takes a server for up whose registrar answers', async () => {
    await trunkd.allBound(1, 30_000);
    await untilState('registering/main', 'up');
  });
});

describe('a server that dies', () => {
  it('is disabled, by its connections and by the REGISTER that failed, and comes back', async () => {
    await kamailio.kill();
    await untilState('streams/tcp', 'down');
    await untilState('streams/tls', 'down');
    expect((await trunkd.peerServer('streams/tcp')).cause?.code).toBe('transport.refused');
    await registerAgain();
    await untilState('registering/main', 'down');
    await kamailio.startAgain();
    await untilState('streams/tcp', 'up');
    await untilState('streams/tls', 'up');
    await registerAgain();
    await untilState('registering/main', 'up');
  });

  it('never saw a request for all that but REGISTER', () => {
    expect([...new Set(kamailio.requests().map(({ method }) => method))]).toEqual(['REGISTER']);
  });
});
