/**
 * Kamailio as a real registrar: digest over UDP, TCP and TLS, no database, everything it writes in a
 * directory of its own. What it holds (`dump`) and what reached it (`requests`) are the judge of a test.
 */
import { readFileSync } from 'node:fs';
import { KamailioProcess } from './kamailio-process.ts';
import { eventually, freePort } from './processes.ts';

export interface KamailioOptions {
  /** `-A` defines of registrar.cfg: `WITH_SHA256`, `MIN_EXP=10` ... */
  readonly defines?: readonly string[];
  readonly users: ReadonlyMap<string, string>;
  /** Another address at which it listens, over UDP. */
  readonly alsoAt?: string;
  /** PEM files of the TLS server. */
  readonly tls: KamailioTls;
}

interface KamailioTls {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  /** Clients have to show a certificate of `ca`. */
  readonly wantsClient?: boolean;
}

/** One contact of `ul.dump`. */
export interface Binding {
  readonly aor: string;
  readonly address: string;
  readonly callId: string;
  readonly cseq: number;
  readonly expires: string;
  readonly socket: string;
  /** Where the request came from, as `sip:address:port`; empty without NAT. */
  readonly received: string;
  /** `+sip.instance` and `reg-id` of the Contact (RFC 5626). */
  readonly instance: string;
  readonly regId: number;
  /** The Path that it was registered with (RFC 3327); empty without. */
  readonly path: string;
}

/** One request as it reached Kamailio, retransmissions included. */
export interface SeenRequest {
  readonly atSec: number;
  readonly method: string;
  readonly protocol: string;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly hasRoute: boolean;
  readonly callId: string;
  readonly cseq: string;
  /** The user of the Contact, empty without one. */
  readonly user: string;
  /** With an Authorization field; that for a proxy is not seen. */
  readonly isAuthorized: boolean;
  /** Authorization or Proxy-Authorization as it came; empty without. */
  readonly credentials: string;
}

export class Kamailio {
  readonly sipPort: number;
  readonly tlsPort: number;
  readonly #options: KamailioOptions;
  readonly #process: KamailioProcess;

  private constructor(sipPort: number, tlsPort: number, options: KamailioOptions) {
    this.sipPort = sipPort;
    this.tlsPort = tlsPort;
    this.#options = options;
    this.#process = new KamailioProcess({
      ...{ name: 'kamailio', config: 'registrar.cfg', rpcPort: sipPort },
      ...{ sharedMib: 128, privateMib: 32 },
    });
  }

  static async start(options: KamailioOptions): Promise<Kamailio> {
    const kamailio = new Kamailio(await freePort(), await freePort(), options);
    const wantsClient = options.defines?.includes('WITH_MTLS') === true;
    kamailio.#process.write('tls.cfg', tlsConfig({ wantsClient, ...options.tls }));
    kamailio.#addUsers();
    kamailio.#listenAlso();
    await kamailio.startAgain();
    return kamailio;
  }

  /** With the same ports and users, and no bindings: as after a crash. */
  async startAgain(): Promise<void> {
    const values = { SIPPORT: this.sipPort, TLSPORT: this.tlsPort };
    await this.#process.start(values, this.#options.defines);
  }

  /** Other certificates, for connections from now on. */
  async useTls(tls: KamailioTls): Promise<void> {
    this.#process.write('tls.cfg', tlsConfig({ wantsClient: false, ...tls }));
    // Kamailio refuses now and then, without a reason that would last.
    await eventually(async () => (await this.rpc('tls.reload')) !== undefined);
  }

  /** All of Kamailio's processes at once, without a word to anybody. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** One command of Kamailio's RPC interface; its result as JSON. */
  async rpc(method: string, ...params: readonly unknown[]): Promise<unknown> {
    return await this.#process.rpc(method, ...params);
  }

  /** Gives an address of record a binding of another device, which registered by itself. */
  async addBinding(aor: string, contact: string, expiresSec: number): Promise<void> {
    // Behind the lifetime: q, path, flags, branch flags, methods.
    await this.rpc('ul.add', 'location', aor, contact, expiresSec, 1, '', 0, 0, 8191);
  }

  /** Everything that it has registered, by AOR. */
  async dump(): Promise<ReadonlyMap<string, readonly Binding[]>> {
    return readDump(await this.rpc('ul.dump'));
  }

  /** Every request since the first start, in order of arrival. */
  requests(): readonly SeenRequest[] {
    return this.#process
      .log()
      .flatMap((line) => parseRequest(line) ?? [])
      .sort((a, b) => a.atSec - b.atSec);
  }

  /** How often it refused or asked for credentials, by the user of the Authorization (`<null>`: none). */
  challenges(): readonly { readonly code: number; readonly user: string }[] {
    return this.#process.log().flatMap((line) => {
      const [, code, user = ''] = /AUTHFAIL rc=(-?\d+) user=(\S+)/.exec(line) ?? [];
      return code === undefined ? [] : [{ code: Number(code), user }];
    });
  }

  /** Addresses that its antiflood banned (WITH_ANTIFLOOD). */
  banned(): readonly string[] {
    return this.#process.log().flatMap((line) => /PIKE \w+ from (\S+)/.exec(line)?.[1] ?? []);
  }

  /** AORs whose binding ran out: a lapse, as the registrar sees it. */
  expired(): readonly string[] {
    return this.#process.log().flatMap((line) => /EXPIRED (\S+)/.exec(line)?.[1] ?? []);
  }

  #listenAlso(): void {
    const { alsoAt } = this.#options;
    if (alsoAt === undefined) return;
    this.#insert('listen=udp:127.0.0.1:SIPPORT\n', `listen=udp:${alsoAt}:SIPPORT\n`);
  }

  /** In the table before the first request, and again after each start. */
  #addUsers(): void {
    const quoted = (password: string): string => password.replaceAll(/["\\]/g, '\\$&');
    const lines = [...this.#options.users].map(
      ([user, password]) => `\t$sht(users=>${user}) = "${quoted(password)}";`,
    );
    this.#insert('event_route[htable:mod-init] {\n', `${lines.join('\n')}\n`);
  }

  /** Puts lines into the configuration, behind `mark`. */
  #insert(mark: string, lines: string): void {
    const config = readFileSync(this.#process.path('kamailio.cfg'), 'utf8');
    if (!config.includes(mark)) throw new Error(`registrar.cfg has no ${mark}`);
    this.#process.write(
      'kamailio.cfg',
      config.replace(mark, () => `${mark}${lines}`),
    );
  }
}

/** Without the copies of requests: a busy machine has trunkd send again what only is late. */
export function withoutCopies(requests: readonly SeenRequest[]): readonly SeenRequest[] {
  const byName = new Map<string, SeenRequest>();
  for (const one of requests) {
    const name = `${one.method} ${one.callId} ${one.cseq}`;
    if (!byName.has(name)) byName.set(name, one);
  }
  return [...byName.values()];
}

/** A busy machine may keep a server from reading for so long; what waits in its sockets is then seen at once. */
const STALL_SEC = 1;

/** The most that `excessOver` is where the pace was kept. */
export function mostExcess(ratePerSec: number): number {
  return 3 + STALL_SEC * ratePerSec;
}

/** The largest excess over `ratePerSec * t + burst` in any window, in requests; at most 0 when it was kept. */
export function excessOver(
  requests: readonly SeenRequest[],
  ratePerSec: number,
  burst: number,
): number {
  // A bucket that starts full and is emptied by each arrival: how far below empty does it get?
  let level = burst;
  let last = Number.NEGATIVE_INFINITY;
  let worst = Number.NEGATIVE_INFINITY;
  for (const { atSec } of requests) {
    level = Math.min(burst, level + (atSec - last) * ratePerSec) - 1;
    last = atSec;
    worst = Math.max(worst, -level);
  }
  return worst;
}

function tlsConfig({
  certificate,
  key,
  ca,
  wantsClient,
}: KamailioTls & { readonly wantsClient: boolean }): string {
  const isMutual = wantsClient ? 'yes' : 'no';
  return `[server:default]
method = TLSv1.2+
verify_certificate = ${isMutual}
require_certificate = ${isMutual}
private_key = ${key}
certificate = ${certificate}
ca_list = ${ca}
[client:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
`;
}

interface Dump {
  readonly Domains: readonly {
    readonly Domain: {
      readonly AoRs: readonly {
        readonly Info: {
          readonly AoR: string;
          readonly Contacts: readonly { readonly Contact: Readonly<Record<string, unknown>> }[];
        };
      }[];
    };
  }[];
}

function readDump(result: unknown): ReadonlyMap<string, readonly Binding[]> {
  const found = new Map<string, readonly Binding[]>();
  for (const { Domain } of (result as Dump).Domains) {
    for (const { Info } of Domain.AoRs)
      found.set(
        Info.AoR,
        Info.Contacts.map(({ Contact }) => ({
          aor: Info.AoR,
          address: String(Contact['Address']),
          callId: String(Contact['Call-ID']),
          cseq: Number(Contact['CSeq']),
          expires: String(Contact['Expires']),
          socket: String(Contact['Socket']),
          received: String(Contact['Received'] ?? '').replace('[not set]', ''),
          instance: String(Contact['Instance'] ?? '').replace('[not set]', ''),
          regId: Number(Contact['Reg-Id'] ?? 0),
          path: String(Contact['Path'] ?? '').replace('[not set]', ''),
        })),
      );
  }
  return found;
}

const REQUEST =
  /RX t=([\d.]+) (\w+) \S+ (\w+):(\S+?):(\d+) route=(.*?) callid=(\S+) cseq=(.*?) auth=(.*?) pauth=(.*?) contact=(.*)$/;

function parseRequest(line: string): SeenRequest | undefined {
  const match = REQUEST.exec(line);
  if (match === null) return undefined;
  const [, at = '', method = '', protocol = '', sourceAddress = '', port, route = ''] = match;
  const [callId = '', cseq = '', auth = '', proxyAuth = '', contact] = match.slice(7);
  const credentials = [auth, proxyAuth].filter((one) => one !== '' && one !== '<null>').join('\n');
  return {
    atSec: Number(at),
    method,
    protocol,
    sourceAddress,
    sourcePort: Number(port),
    hasRoute: route !== '<null>',
    callId,
    cseq,
    user: /sips?:([^@>]*)@/.exec(contact ?? '')?.[1] ?? '',
    isAuthorized: credentials !== '',
    credentials,
  };
}
