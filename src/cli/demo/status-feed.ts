/** What the demo knows of trunkd: only what anybody can read from its HTTP API. */
import { ApiClient, ApiError } from '../api-client.ts';

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
  readonly #api: ApiClient;

  /** `url`: where the API listens. */
  constructor(url: string) {
    this.#api = new ApiClient(url, undefined);
  }

  /** True once trunkd says that it is ready; false while nobody listens there. */
  async isReady(): Promise<boolean> {
    return (await answered(this.#api.get('/readyz'))) !== undefined;
  }

  /** Undefined when trunkd does not answer, as while it stops. */
  read(): Promise<Status | undefined> {
    return answered(this.#readAll());
  }

  async #readAll(): Promise<Status> {
    const [registrations, peerServers] = await Promise.all([
      this.#list<RegistrationRow>('/v1/registrations'),
      this.#list<PeerServerRow>('/v1/peer-servers'),
    ]);
    return { registrations, peerServers };
  }

  /** The daemon is of this very version, so that its rows are taken at their word. */
  async #list<Row>(path: string): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for await (const row of this.#api.rows(path)) rows.push(row as unknown as Row);
    return rows;
  }
}

async function answered<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
