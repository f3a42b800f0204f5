/**
 * A flood at the port over which registrations live: junk, requests that nobody asked for, forged answers, from the
 * registrar's own address and from elsewhere. Judged by the registrar, by what comes back to the flooders, and by the
 * memory of the daemon.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Draw } from '../support/fuzz/draw.ts';
import { mutated } from '../support/fuzz/mutate.ts';
import { freePort } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';
import { UdpRegistrar } from '../support/udp-registrar.ts';
import { requestWire, responseWire } from '../support/wire.ts';

const USERS = Array.from({ length: 100 }, (_, index) => `flood${index}`);
const EXPIRES_SEC = 10;
const FLOOD_MS = 12_000;
/** Datagrams at once, some two thousand a second and more: what the two cores of a test have time for. */
const AT_ONCE = 40;
const PAUSE_MS = 10;
const MAX_RATE = 50;
const MOST_GROWTH_MIB = 100;

let registrar: UdpRegistrar;
let trunkd: Trunkd;
let port: number;

beforeAll(async () => {
  registrar = await UdpRegistrar.open('a long password');
  port = await freePort();
  trunkd = await Trunkd.start({
    localSockets: [{ name: 'udp', protocol: 'udp', bind: `127.0.0.1:${port}` }],
    inbound: { maxRate: MAX_RATE },
    pacing: { perTarget: 200, burst: 50 },
    peeringContracts: [
      {
        name: 'acme',
        registrations: USERS.map((username) => ({
          ...{ id: username, username, ddi: username, domain: 'test.example' },
          ...{ expires: EXPIRES_SEC, contact: '127.0.0.1:15090' },
          auth: { password: 'a long password' },
          registrar: `sip:127.0.0.1:${registrar.port};transport=udp`,
        })),
      },
    ],
  });
  await trunkd.allBound(USERS.length);
});

afterAll(async () => {
  await trunkd?.stop();
  await registrar?.close();
});

/** Sends and counts, from an address of its own. */
class Flooder {
  readonly socket: Socket;
  readonly replies: string[] = [];
  sentOctets = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (octets) => this.replies.push(octets.toString('latin1')));
  }

  static async at(address: string): Promise<Flooder> {
    const socket = createSocket('udp4').bind(0, address);
    await once(socket, 'listening');
    return new Flooder(socket);
  }

  send(wire: string): void {
    const octets = Buffer.from(wire, 'latin1');
    this.sentOctets += octets.length;
    this.socket.send(octets, port, '127.0.0.1');
  }

  get repliedOctets(): number {
    return this.replies.reduce((sum, reply) => sum + reply.length, 0);
  }
}

const CHALLENGE = 'WWW-Authenticate: Digest realm="test.example", nonce="forged", qop="auth"';

/** One datagram of a flood, another each time. */
function datagram(draw: Draw, number: number): string {
  const own = (wire: string): string => wire.replace('z9hG4bKdef', `z9hG4bKf${number}`);
  switch (draw.below(8)) {
    case 0:
      return String.fromCharCode(...Array.from({ length: 200 }, () => draw.below(256)));
    case 1:
      return own(requestWire('OPTIONS'));
    case 2:
      return own(requestWire('INVITE'));
    case 3:
      return own(requestWire('REGISTER'));
    case 4:
      return requestWire('OPTIONS');
    case 5:
      return mutated(requestWire('OPTIONS'), draw).slice(0, 60_000);
    case 6:
      return responseWire(200, 'Contact: <sip:a@127.0.0.1:15090>;expires=10');
    default:
      return responseWire(401, CHALLENGE);
  }
}

it('lapses nobody, is answered within the limit, and leaves no memory behind', async () => {
  const draw = new Draw(7);
  // From the registrar's host, which is trusted to ask, and from a stranger's.
  const near = await Flooder.at('127.0.0.1');
  const far = await Flooder.at('127.0.0.66');
  const before = residentMib();
  const lines = trunkd.lines().length;
  const since = registrar.accepted.length;
  const startedMs = performance.now();
  let sent = 0;
  while (performance.now() - startedMs < FLOOD_MS) {
    for (let count = 0; count < AT_ONCE; count += 1) {
      sent += 1;
      (sent % 2 === 0 ? near : far).send(datagram(draw, sent));
    }
    await sleep(PAUSE_MS);
  }
  const tookSec = (performance.now() - startedMs) / 1000;
  await sleep(500);
  expect(sent).toBeGreaterThan(5_000);
  expect(far.replies).toEqual([]);
  expect(near.replies.length).toBeGreaterThan(MAX_RATE);
  expect(near.replies.length).toBeLessThanOrEqual(MAX_RATE * (tookSec + 1.5) + MAX_RATE);
  expect(near.repliedOctets).toBeLessThan(near.sentOctets);
  expect(near.replies.filter((reply) => !/^SIP\/2\.0 [2-6]/.test(reply))).toEqual([]);
  expect(lapsed()).toEqual([]);
  expect(registrar.accepted.length - since).toBeGreaterThan(USERS.length);
  const rows = await trunkd.registrations();
  expect(rows.filter(({ bound }) => !bound)).toEqual([]);
  expect(residentMib() - before).toBeLessThan(MOST_GROWTH_MIB);
  expect(trunkd.lines('bug.caught')).toEqual([]);
  // Nobody is told of each datagram.
  expect(trunkd.lines().length - lines).toBeLessThan(100);
  const metrics = await (await fetch(`${trunkd.url}/metrics`)).text();
  for (const reason of ['stranger', 'noTransaction', 'rateLimit', 'startLine']) {
    expect(metrics, reason).toMatch(
      new RegExp(`messages_dropped_total\\{reason="${reason}"\\} [1-9]`),
    );
  }
  near.socket.close();
  far.socket.close();
});

/** Whose binding ran out between two REGISTERs, as the registrar saw them. */
function lapsed(): readonly string[] {
  return USERS.filter((user) => {
    const times = [...registrar.of(user).map(({ atMs }) => atMs), performance.now()];
    return times.slice(1).some((atMs, index) => atMs - (times[index] ?? 0) > EXPIRES_SEC * 1000);
  });
}

function residentMib(): number {
  const status = readFileSync(`/proc/${trunkd.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
