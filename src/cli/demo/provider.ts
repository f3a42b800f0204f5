/** The whole provider: a registrar and three peer servers, one of which fails and recovers in turn. */
import { Registrar } from './registrar.ts';
import { answerProbe, SipServer } from './sip-server.ts';
import { SERVER_NAMES } from './users.ts';

/** For how long the failing server is silent, and how often. */
export interface Outages {
  readonly outageSec: number;
  readonly everySec: number;
}

export interface PeerServer {
  readonly name: string;
  readonly sip: SipServer;
}

export class Provider {
  readonly registrar: SipServer;
  readonly servers: readonly PeerServer[];
  #timer: NodeJS.Timeout | undefined;

  private constructor(registrar: SipServer, servers: readonly PeerServer[]) {
    this.registrar = registrar;
    this.servers = servers;
  }

  static async open(): Promise<Provider> {
    const books = new Registrar();
    const registrar = await SipServer.open((request) => books.answer(request));
    const servers: PeerServer[] = [];
    for (const name of SERVER_NAMES) servers.push({ name, sip: await SipServer.open(answerProbe) });
    return new Provider(registrar, servers);
  }

  /** Lets the last server fail from now on; `tell` hears of each change. */
  startOutages({ outageSec, everySec }: Outages, tell: (text: string) => void): void {
    const failing = this.servers.at(-1);
    if (failing === undefined) return;
    const wellSec = everySec - outageSec;
    const turn = (isSilent: boolean, afterSec: number): void => {
      this.#timer = setTimeout(() => {
        failing.sip.isSilent = isSilent;
        tell(isSilent ? `${failing.name} stops answering` : `${failing.name} answers again`);
        turn(!isSilent, isSilent ? outageSec : wellSec);
      }, afterSec * 1000);
    };
    turn(true, Math.min(FIRST_OUTAGE_SEC, wellSec / 2));
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { sip } of [{ sip: this.registrar }, ...this.servers]) sip.close();
  }
}

/** Soon enough that nobody leaves before it happens. */
const FIRST_OUTAGE_SEC = 12;
