/** A SIP proxy of ours whose dispatcher trunkd keeps: Kamailio with ops/kamailio/dispatcher.cfg, included as operators do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Held, readRpcList } from '../../src/consumers/dispatcher-list.ts';
import { KamailioProcess } from './kamailio-process.ts';
import { freePort } from './processes.ts';
import { ROOT } from './trunkd.ts';

const SNIPPET = join(ROOT, 'ops/kamailio/dispatcher.cfg');

export class DispatcherProxy {
  readonly sipPort: number;
  readonly #rpcPort: number;
  readonly #process: KamailioProcess;

  private constructor(sipPort: number, rpcPort: number) {
    this.sipPort = sipPort;
    this.#rpcPort = rpcPort;
    this.#process = new KamailioProcess({
      ...{ name: 'dispatcher-proxy', config: 'consumer.cfg', rpcPort },
      ...{ sharedMib: 64, privateMib: 16 },
    });
  }

  /** Knows its ports and its list, and does not run yet: trunkd is started with them. */
  static async reserve(): Promise<DispatcherProxy> {
    return new DispatcherProxy(await freePort(), await freePort());
  }

  get listFile(): string {
    return this.#process.path('dispatcher.list');
  }

  get addressFile(): string {
    return this.#process.path('address.list');
  }

  get rpcUrl(): string {
    return `http://127.0.0.1:${this.#rpcPort}/RPC`;
  }

  /** Both files are there, without which it does not start. */
  get hasLists(): boolean {
    return existsSync(this.listFile) && existsSync(this.addressFile);
  }

  /** (Again.) Silence and pings of the dead-man are those of a test, not of an operator. */
  async start(): Promise<void> {
    await this.#process.start(
      { SIPPORT: this.sipPort, RPCPORT: this.#rpcPort, SNIPPET, TRUNKD_LIST: this.listFile },
      ['TRUNKD_SILENCE=25', 'TRUNKD_PING_INTERVAL=1'],
    );
  }

  /** What it holds: the state of each destination, by the last word of its server's id. */
  async states(): Promise<Readonly<Record<string, string>>> {
    return Object.fromEntries(
      (await this.list()).map(({ duid, state }) => [/\/([^@]*)@/.exec(duid)?.[1] ?? duid, state]),
    );
  }

  async list(): Promise<readonly Held[]> {
    const list = readRpcList(await this.#process.rpc('dispatcher.list'));
    if (list === undefined) throw new Error('no list');
    return list;
  }

  /** One command of its RPC interface. */
  async rpc(method: string, ...params: readonly unknown[]): Promise<unknown> {
    return await this.#process.rpc(method, ...params);
  }

  /** Whose calls it takes, by the list of module permissions. */
  async providers(): Promise<readonly string[]> {
    const rows = (await this.#process.rpc('permissions.addressDump')) as {
      readonly item: { readonly ip: string };
    }[];
    return rows.map(({ item }) => item.ip);
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  log(): readonly string[] {
    return this.#process.log();
  }
}
