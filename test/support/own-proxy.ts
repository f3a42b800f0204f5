/**
 * A SIP proxy of ours for `via`: Kamailio with ops/kamailio/via.cfg, on an address of its own, so that a
 * provider can tell it from trunkd.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ownDirectory, Running } from './processes.ts';
import { ROOT } from './trunkd.ts';

const ADDRESS = '127.0.0.2';
const CONFIG = join(import.meta.dirname, '../interop/kamailio/proxy.cfg');
const VIA = join(ROOT, 'ops/kamailio/via.cfg');

export class OwnProxy {
  readonly sipPort: number;
  readonly #tlsPort: number;
  readonly #rpcPort: number;
  readonly #own = ownDirectory('own-proxy');
  readonly #past: Running[] = [];
  #running: Running | undefined;

  private constructor(ports: readonly [number, number, number]) {
    [this.sipPort, this.#tlsPort, this.#rpcPort] = ports;
  }

  /** Knows its ports, and does not run yet: trunkd is started with them, and its API is known then. */
  static async reserve(tls: {
    readonly certificate: string;
    readonly key: string;
  }): Promise<OwnProxy> {
    const proxy = new OwnProxy([await freePort(), await freePort(), await freePort()]);
    writeFileSync(join(proxy.#own.path, 'tls.cfg'), tlsConfig(tls));
    copyFileSync(CONFIG, join(proxy.#own.path, 'kamailio.cfg'));
    return proxy;
  }

  /** One entry of `proxies`. */
  get entry(): { readonly name: string; readonly address: string; readonly contact: string } {
    return { name: 'edge1', address: `udp:${this.hostPort}`, contact: this.hostPort };
  }

  get hostPort(): string {
    return `${ADDRESS}:${this.sipPort}`;
  }

  /** `api`: where trunkd is told of closed connections. */
  async start(api: string): Promise<void> {
    const directory = this.#own.path;
    const values = {
      ...{ PROXYIP: ADDRESS, SIPPORT: this.sipPort, TLSPORT: this.#tlsPort, RUNDIR: directory },
      ...{ RPCPORT: this.#rpcPort, VIACFG: VIA, TRUNKD_IP: '127.0.0.1', TRUNKD_API: api },
      ...{ TRUNKD_NAME: 'edge1', TRUNKD_TOKEN: '' },
      VIA_UDP: `udp:${this.hostPort}`,
      VIA_TCP: `tcp:${this.hostPort}`,
      VIA_TLS: `tls:${ADDRESS}:${this.#tlsPort}`,
    };
    const running = new Running({
      command: 'kamailio',
      args: [
        ...['-f', join(directory, 'kamailio.cfg'), '-Y', directory, '-w', directory],
        ...['-P', join(directory, 'pid'), '-m', '64', '-M', '16', '-DD', '-E'],
        ...Object.entries(values).map(([name, value]) => `--substdef=!${name}!${value}!g`),
      ],
    });
    this.#running = running;
    this.#past.push(running);
    await running.until(async () => (await this.#isUp()) === true);
  }

  /** All of its processes at once, without a word to anybody. */
  async kill(): Promise<void> {
    const main = this.#running;
    if (main === undefined) return;
    main.killTree();
    await main.ended();
    this.#running = undefined;
  }

  async stop(): Promise<void> {
    await this.#running?.stop('SIGTERM');
    this.#running = undefined;
    this.#own.remove();
  }

  /** Calls that came in: for whom, and from where. */
  calls(): readonly { readonly uri: string; readonly from: string }[] {
    return this.#matches(/CALL (\S+) from (\S+)/).map(([, uri = '', from = '']) => ({ uri, from }));
  }

  /** Requests that it was not to relay: method and source. */
  refused(): readonly string[] {
    return this.#matches(/REFUSED (\w+ from \S+)/).map(([, what = '']) => what);
  }

  #matches(pattern: RegExp): readonly RegExpExecArray[] {
    return this.#past
      .flatMap((one) => [...one.stdout, ...one.stderr])
      .map((line) => pattern.exec(line))
      .filter((match) => match !== null);
  }

  async #isUp(): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.#rpcPort}/RPC`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'core.uptime' }),
    });
    return answer.ok;
  }
}

function tlsConfig({ certificate, key }: { certificate: string; key: string }): string {
  const common = 'method = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\n';
  return `[server:default]\n${common}private_key = ${key}\ncertificate = ${certificate}\n[client:default]\n${common}`;
}
