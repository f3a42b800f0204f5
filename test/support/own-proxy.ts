/**
 * A SIP proxy of ours for `via`: Kamailio with ops/kamailio/via.cfg, on an address of its own, so that a
 * provider can tell it from trunkd.
 */
import { join } from 'node:path';
import { KamailioProcess } from './kamailio-process.ts';
import { eventually, freePort } from './processes.ts';
import { ROOT } from './trunkd.ts';

const ADDRESS = '127.0.0.2';
const VIA = join(ROOT, 'ops/kamailio/via.cfg');

export class OwnProxy {
  readonly sipPort: number;
  readonly #tlsPort: number;
  readonly #rpcPort: number;
  readonly #process: KamailioProcess;

  private constructor(ports: readonly [number, number, number]) {
    [this.sipPort, this.#tlsPort, this.#rpcPort] = ports;
    this.#process = new KamailioProcess({
      ...{ name: 'own-proxy', config: 'proxy.cfg', rpcPort: this.#rpcPort },
      ...{ sharedMib: 64, privateMib: 16 },
    });
  }

  /** Knows its ports, and does not run yet: trunkd is started with them, and its API is known then. */
  static async reserve(tls: {
    readonly certificate: string;
    readonly key: string;
  }): Promise<OwnProxy> {
    const proxy = new OwnProxy([await freePort(), await freePort(), await freePort()]);
    proxy.#process.write('tls.cfg', tlsConfig(tls));
    return proxy;
  }

  /** One entry of `proxies`. */
  get entry(): { readonly name: string; readonly address: string; readonly contact: string } {
    return { name: 'edge1', address: `udp:${this.hostPort}`, contact: this.hostPort };
  }

  get hostPort(): string {
    return `${ADDRESS}:${this.sipPort}`;
  }

  /** The same proxy, reached over another transport. */
  entryOver(protocol: 'tcp' | 'tls'): {
    readonly name: string;
    readonly address: string;
    readonly contact: string;
  } {
    const place = protocol === 'tls' ? this.tlsHostPort : this.hostPort;
    return { name: `edge-${protocol}`, address: `${protocol}:${place}`, contact: this.hostPort };
  }

  get tlsHostPort(): string {
    return `${ADDRESS}:${this.#tlsPort}`;
  }

  /** `api`: where trunkd is told of closed connections. */
  async start(api: string): Promise<void> {
    await this.#process.start({
      ...{ PROXYIP: ADDRESS, SIPPORT: this.sipPort, TLSPORT: this.#tlsPort },
      ...{ RPCPORT: this.#rpcPort, VIACFG: VIA, TRUNKD_IP: '127.0.0.1', TRUNKD_API: api },
      ...{ TRUNKD_NAME: 'edge1', TRUNKD_TOKEN: '' },
      VIA_UDP: `udp:${this.hostPort}`,
      VIA_TCP: `tcp:${this.hostPort}`,
      VIA_TLS: `tls:${ADDRESS}:${this.#tlsPort}`,
    });
  }

  /** All of its processes at once, without a word to anybody. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** Calls that came in: for whom, and from where. */
  calls(): readonly { readonly uri: string; readonly from: string }[] {
    return this.#matches(/CALL (\S+) from (\S+)/).map(([, uri = '', from = '']) => ({ uri, from }));
  }

  /** From where a call for that user came, as `udp:127.0.0.1:5060`; waits for it to be told. */
  async sourceOf(user: string): Promise<string> {
    const find = () => this.calls().find(({ uri }) => uri.includes(user));
    await eventually(() => find() !== undefined, {
      timeoutMs: 10_000,
      what: () => `a call for ${user}`,
    });
    return find()?.from ?? '';
  }

  /** REGISTERs that reached it: for whom, and over what. */
  links(): readonly { readonly user: string; readonly protocol: string }[] {
    return this.#matches(/LINK (\S+) over (\w+)/).map(([, user = '', protocol = '']) => ({
      user,
      protocol,
    }));
  }

  /** Requests that it was not to relay: method and source. */
  refused(): readonly string[] {
    return this.#matches(/REFUSED (\w+ from \S+)/).map(([, what = '']) => what);
  }

  #matches(pattern: RegExp): readonly RegExpExecArray[] {
    return this.#process
      .log()
      .map((line) => pattern.exec(line))
      .filter((match) => match !== null);
  }
}

function tlsConfig({ certificate, key }: { certificate: string; key: string }): string {
  const common = 'method = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\n';
  return `[server:default]\n${common}private_key = ${key}\ncertificate = ${certificate}\n[client:default]\n${common}`;
}
