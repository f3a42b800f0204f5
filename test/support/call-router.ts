/** A SIP proxy of ours that routes calls: Kamailio with a snippet of ops/kamailio, included as operators do. */
import { join } from 'node:path';
import { KamailioProcess } from './kamailio-process.ts';
import { freePort } from './processes.ts';
import { ROOT } from './trunkd.ts';

const SNIPPET = join(ROOT, 'ops/kamailio/rtjson.cfg');

export interface CallRouterOptions {
  /** Of trunkd. */
  readonly api: string;
  readonly token: string;
  /** Lines of the dispatcher's list, for while trunkd is silent. */
  readonly list: readonly string[];
}

export class CallRouter {
  readonly sipPort: number;
  readonly #options: CallRouterOptions;
  readonly #rpcPort: number;
  readonly #process: KamailioProcess;

  private constructor(options: CallRouterOptions, sipPort: number, rpcPort: number) {
    this.#options = options;
    this.sipPort = sipPort;
    this.#rpcPort = rpcPort;
    this.#process = new KamailioProcess({
      ...{ name: 'call-router', config: 'router.cfg', rpcPort },
      ...{ sharedMib: 64, privateMib: 16 },
    });
  }

  static async start(options: CallRouterOptions): Promise<CallRouter> {
    const router = new CallRouter(options, await freePort(), await freePort());
    router.#process.write('dispatcher.list', `${options.list.join('\n')}\n`);
    await router.startAgain();
    return router;
  }

  async startAgain(): Promise<void> {
    const { api, token } = this.#options;
    await this.#process.start({
      ...{ SIPPORT: this.sipPort, RPCPORT: this.#rpcPort, SNIPPET },
      ...{ TRUNKD_API: api, TRUNKD_TOKEN: token, TRUNKD_HOST: '203.0.113.10' },
    });
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** Everything that it wrote. */
  log(): readonly string[] {
    return this.#process.log();
  }
}
