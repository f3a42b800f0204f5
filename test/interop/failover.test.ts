/**
 * Failover at real servers: SRV records at dnsmasq, two Kamailios, one socket that never answers and one
 * that answers 503. Judged by what the other side holds and saw (RFC 3263 section 4.3; D2 to D5).
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dnsmasq } from '../support/dnsmasq.ts';
import { Kamailio } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const EXPIRES_SEC = 20;
const COUNT = 10;
/** How many users each domain has. */
const COUNTS = { silent: COUNT, busy: COUNT, alive: COUNT, tcp: 3, tls: 3, home: 1 } as const;
type Domain = keyof typeof COUNTS;
const DOMAINS = Object.keys(COUNTS) as readonly Domain[];
const ALL = DOMAINS.reduce((sum, domain) => sum + COUNTS[domain], 0);
/** Those that live at the first registrar, and move when it dies. */
const MOVING = ['alive', 'tcp', 'tls', 'home'] as const satisfies readonly Domain[];

/** A server whose answers the test writes; it keeps every REGISTER. */
class Answerer {
  /** Without copies: a busy machine has trunkd send again what only is late. */
  readonly #requests = new Set<string>();
  readonly #socket: Socket;

  private constructor(socket: Socket, answer: string | undefined) {
    this.#socket = socket;
    socket.on('message', (octets, { port, address }) => {
      const text = octets.toString('latin1');
      this.#requests.add(text);
      if (answer !== undefined) socket.send(replyTo(text, answer), port, address);
    });
  }

  /** `answer`: status line and header lines; undefined: it keeps silent. */
  static async open(answer: string | undefined): Promise<Answerer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Answerer(socket, answer);
  }

  get requests(): readonly string[] {
    return [...this.#requests];
  }

  get port(): number {
    return this.#socket.address().port;
  }

  close(): void {
    this.#socket.close();
  }
}

function replyTo(request: string, answer: string): string {
  const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map(
    (name) => new RegExp(`^${name}: .*$`, 'm').exec(request)?.[0].trimEnd() ?? '',
  );
  const to = /^To: .*$/m.exec(request)?.[0].trimEnd() ?? '';
  return [`SIP/2.0 ${answer}`, ...copied, `${to};tag=x`, 'Content-Length: 0', '', ''].join('\r\n');
}

let pki: Pki;
let first: Kamailio;
let second: Kamailio;
let silent: Answerer;
let busy: Answerer;
let dnsmasq: Dnsmasq;
let trunkd: Trunkd;
let tookMs = 0;

beforeAll(async () => {
  pki = await makePki(['good']);
  const users = new Map(DOMAINS.flatMap((domain) => usersOf(domain)).map((user) => [user, 'pw']));
  const options = {
    defines: ['MIN_EXP=5'],
    users,
    tls: pki.filesOf('good'),
  };
  [first, second] = await Promise.all([Kamailio.start(options), Kamailio.start(options)]);
  silent = await Answerer.open(undefined);
  busy = await Answerer.open('503 Service Unavailable\r\nRetry-After: 600');
  dnsmasq = await Dnsmasq.start(zone());
  const startedAt = performance.now();
  trunkd = await Trunkd.start(config());
  await trunkd.allBound(ALL, 90_000);
  tookMs = performance.now() - startedAt;
});

afterAll(async () => {
  await trunkd?.stop();
  await first?.stop();
  await second?.stop();
  await dnsmasq?.stop();
  silent?.close();
  busy?.close();
  pki?.remove();
});

function usersOf(domain: Domain): readonly string[] {
  return Array.from({ length: COUNTS[domain] }, (_, index) => `${domain}${index}`);
}

/** Each domain has a preferred server, and another that works; names live for five seconds. */
function zone(): readonly string[] {
  const srv = (domain: Domain, port: number, priority: number, service = '_sip._udp'): string =>
    `srv-host=${service}.${domain}.test,node.${domain}.test,${port},${priority},0`;
  return [
    'local-ttl=5',
    ...DOMAINS.map((domain) => `host-record=node.${domain}.test,127.0.0.1`),
    srv('silent', silent.port, 10),
    srv('silent', second.sipPort, 20),
    srv('busy', busy.port, 10),
    srv('busy', second.sipPort, 20),
    srv('alive', first.sipPort, 10),
    srv('alive', second.sipPort, 20),
    srv('home', first.sipPort, 10),
    srv('home', second.sipPort, 20),
    srv('tcp', first.sipPort, 10, '_sip._tcp'),
    srv('tcp', second.sipPort, 20, '_sip._tcp'),
    srv('tls', first.tlsPort, 10, '_sips._tcp'),
    srv('tls', second.tlsPort, 20, '_sips._tcp'),
  ];
}

function config(): Record<string, unknown> {
  return {
    dns: { servers: [dnsmasq.server] },
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    pacing: { perTarget: 100, burst: 50 },
    defaults: {
      registration: { expires: EXPIRES_SEC, contact: '127.0.0.1:15090' },
    },
    peeringContracts: DOMAINS.map((domain) => ({
      name: domain,
      registrations: usersOf(domain).map((user) => ({
        id: user,
        username: user,
        domain: `${domain}.test`,
        auth: { password: 'pw' },
        transport: domain === 'tcp' || domain === 'tls' ? domain : 'udp',
        ...(domain === 'tls' ? { tls: { identity: 'registrar.test' } } : {}),
        // Else it would go home, and its binding at the other one would run out.
        failback: MOVING.some((one) => one === domain && one !== 'home') ? 'parking' : 'homing',
      })),
    })),
  };
}

async function heldBy(kamailio: Kamailio, domain: Domain): Promise<number> {
  const held = await kamailio.dump();
  return usersOf(domain).filter((user) => [...held.keys()].some((aor) => aor.startsWith(user)))
    .length;
}

describe('two targets behind SRV records', () => {
  it('the first one silent or busy: all are bound at the second, within one try', async () => {
    expect(await heldBy(second, 'silent')).toBe(COUNT);
    expect(await heldBy(second, 'busy')).toBe(COUNT);
    for (const domain of MOVING) expect(await heldBy(first, domain)).toBe(COUNTS[domain]);
    // Eight seconds at the silent one; the rest is room for a busy machine.
    expect(tookMs).toBeLessThan(45_000);
    const rows = await trunkd.registrations();
    expect(rows.filter(({ bound }) => bound)).toHaveLength(ALL);
  });

  it('each request has a branch of its own, and one Call-ID carries a rising CSeq', async () => {
    const branches = busy.requests.map((text) => /branch=([^;\r]+)/.exec(text)?.[1]);
    expect(new Set(branches).size).toBe(branches.length);
    for (const text of busy.requests) {
      const user = /To: <sip:([^@]+)@/.exec(text)?.[1] ?? '';
      const callId = /Call-ID: (\S+)/.exec(text)?.[1];
      const cseq = Number(/CSeq: (\d+)/.exec(text)?.[1]);
      const [binding] = [...(await second.dump())].find(([aor]) => aor.startsWith(user))?.[1] ?? [];
      expect(binding?.callId).toBe(callId);
      expect(binding?.cseq).toBeGreaterThan(cseq);
    }
  });

  it('a registrar that dies loses no binding of ours over UDP, TCP or TLS: the other one has it', async () => {
    await first.kill();
    for (const domain of MOVING) {
      await eventually(async () => (await heldBy(second, domain)) === COUNTS[domain], {
        timeoutMs: 90_000,
        what: () => `all of "${domain}" at the second registrar`,
      });
    }
    const held = [...(await second.dump()).values()].flat();
    for (const protocol of ['tcp', 'tls'] as const) {
      const sockets = held.filter(({ aor }) => aor.startsWith(protocol)).map((one) => one.socket);
      expect(sockets.every((socket) => socket.startsWith(`${protocol}:`))).toBe(true);
    }
    const rows = await trunkd.registrations();
    expect(rows.every(({ bound }) => bound)).toBe(true);
    await first.startAgain();
  });

  it('a name server that dies stops no refresh; who is busy is left alone meanwhile', async () => {
    await dnsmasq.kill();
    const since = second.requests().length;
    const asked = busy.requests.length;
    expect(asked).toBeLessThanOrEqual(COUNT);
    // Longer than any binding, and five times as long as the names live.
    await sleep(1.3 * EXPIRES_SEC * 1000);
    // Whoever went home leaves the binding here to its end.
    expect(second.expired().filter((aor) => !aor.startsWith('home'))).toEqual([]);
    expect(second.requests().length - since).toBeGreaterThan(COUNT);
    expect(busy.requests.length).toBe(asked);
    const rows = await trunkd.registrations();
    expect(rows.filter(({ bound }) => bound)).toHaveLength(ALL);
    await dnsmasq.startAgain();
  });

  it('one that returned gets its binding back, and those that park stay where they are', async () => {
    await eventually(async () => (await heldBy(first, 'home')) === COUNTS.home, {
      timeoutMs: 90_000,
      what: () => 'the one that goes home at the first registrar',
    });
    const [home] = (await trunkd.registrations()).filter(({ id }) => id.startsWith('home'));
    expect(home).toMatchObject({ bound: true, state: 'registered' });
    expect(await heldBy(first, 'alive')).toBe(0);
    expect(await heldBy(second, 'alive')).toBe(COUNT);
  });
});
