/** What the demo knows of trunkd: only what anybody can read from its HTTP API. */

/** The fields of `GET /v1/registrations` that are shown here. */
export interface RegistrationRow {
  readonly id: string;
  readonly state: string;
  readonly bound: boolean;
  readonly cause: CauseText | null;
  readonly grantedExpires: number | null;
  readonly expiresAt: string | null;
  readonly nextAttemptAt: string | null;
  readonly counters: { readonly succeeded: number; readonly requests: number };
}

/** The fields of `GET /v1/peer-servers` that are shown here. */
export interface PeerServerRow {
  readonly id: string;
  readonly state: string;
  readonly enabled: boolean;
  readonly cause: CauseText | null;
  readonly rttMs: number | null;
  readonly nextProbeAt: string | null;
}

interface CauseText {
  readonly text: string;
}

export interface Status {
  readonly registrations: readonly RegistrationRow[];
  readonly peerServers: readonly PeerServerRow[];
}

export class StatusFeed {
  readonly #url: string;

  /** `url`: where the API listens, without a slash at its end. */
  constructor(url: string) {
    this.#url = url;
  }

  /** True once trunkd says that it is ready; false while nobody listens there. */
  async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.#url}/readyz`, { signal: timeLimit() })).ok;
    } catch (error) {
      // Before it listens, the connection is refused: that is an answer, too.
      if (error instanceof TypeError || isTimeout(error)) return false;
      throw error;
    }
  }

  /** Undefined when trunkd does not answer, as while it stops. */
  async read(): Promise<Status | undefined> {
    try {
      const [registrations, peerServers] = await Promise.all([
        this.#list<RegistrationRow>('/v1/registrations'),
        this.#list<PeerServerRow>('/v1/peer-servers'),
      ]);
      return { registrations, peerServers };
    } catch (error) {
      if (error instanceof TypeError || isTimeout(error)) return undefined;
      throw error;
    }
  }

  /** One page is enough: the demo has fewer rows than the smallest page. */
  async #list<Row>(path: string): Promise<readonly Row[]> {
    const answer = await fetch(`${this.#url}${path}`, { signal: timeLimit() });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
    const { items } = (await answer.json()) as { readonly items: readonly Row[] };
    return items;
  }
}

function timeLimit(): AbortSignal {
  return AbortSignal.timeout(3000);
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}
