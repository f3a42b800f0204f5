/**
 * The status book: answers who asks for one thing or for a page of many, straight from the books of
 * the core. It keeps nothing but sorted ids; a long search yields to the event loop.
 */
import type { HealthBook, PeerServerSnapshot } from '../core/health/snapshot.ts';
import type { RegistrationBook, RegistrationSnapshot } from '../core/registration/snapshot.ts';
import type { ProxyBook } from '../core/sip/proxy/events.ts';
import { type CertificateRow, certificateId, certificateRow } from './certificate-rows.ts';
import { type ConsumerReadings, type ConsumerRow, consumerRow } from './consumer-rows.ts';
import { type PausedRow, pausedRow } from './pause-row.ts';
import {
  type ContractRow,
  contractRow,
  type PeerServerRow,
  peerServerRow,
  type VerdictsRow,
  verdictsRow,
} from './peer-rows.ts';
import { type ProxyRow, proxyRow } from './proxy-rows.ts';
import type { CertificateReading } from './readings.ts';
import { type RegistrationRow, registrationRow } from './status-rows.ts';
import type { WallClock } from './wall-clock.ts';

/** So many rows are looked at before the loop gets its turn. */
const ROWS_PER_TURN = 500;

export interface Page<Row> {
  readonly items: readonly Row[];
  /** The id of the last row where more follow, else null. */
  readonly next: string | null;
}

/** Which rows, and from where on; everything undefined takes all. */
export interface RegistrationQuery {
  readonly limit: number;
  /** Rows come after this id. */
  readonly after?: string | undefined;
  readonly contract?: string | undefined;
  readonly state?: string | undefined;
  readonly bound?: boolean | undefined;
  /** Part of id, AOR or Contact, in any case of letters. */
  readonly q?: string | undefined;
}

export interface PeerServerQuery {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly contract?: string | undefined;
  readonly state?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** Part of id, description or SIP proxy, in any case of letters. */
  readonly q?: string | undefined;
}

export interface CertificateQuery {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly role?: 'own' | 'peer' | undefined;
  /** Part of name or subject, in any case of letters. */
  readonly q?: string | undefined;
}

export interface ContractQuery {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly enabled?: string | undefined;
  /** Part of name or description, in any case of letters. */
  readonly q?: string | undefined;
}

export interface ProxyQuery {
  readonly limit: number;
  readonly after?: string | undefined;
  /** Part of name, address or contact, in any case of letters. */
  readonly q?: string | undefined;
}

export interface ConsumerQuery {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly state?: string | undefined;
  /** Part of name or type, in any case of letters. */
  readonly q?: string | undefined;
}

const NO_PROXIES: ProxyBook = { names: () => [], snapshot: () => undefined };

export class StatusBook {
  readonly #registrations: RegistrationBook;
  readonly #health: HealthBook;
  readonly #wallClock: WallClock;
  readonly #proxies: ProxyBook;
  readonly #certificates: () => readonly CertificateReading[];
  readonly #consumers: ConsumerReadings;
  #sorted = new Map<'registrations' | 'peerServers' | 'contracts', readonly string[]>();

  constructor(
    registrations: RegistrationBook,
    health: HealthBook,
    wallClock: WallClock,
    proxies: ProxyBook = NO_PROXIES,
    certificates: () => readonly CertificateReading[] = () => [],
    consumers: ConsumerReadings = () => new Map(),
  ) {
    this.#consumers = consumers;
    this.#certificates = certificates;
    this.#registrations = registrations;
    this.#health = health;
    this.#wallClock = wallClock;
    this.#proxies = proxies;
  }

  /** To be called when something was added; what was removed is noticed without. */
  membersChanged(): void {
    this.#sorted = new Map();
  }

  registration(id: string): RegistrationRow | undefined {
    const row = this.#registrations.snapshot(id);
    return row === undefined ? undefined : registrationRow(row, this.#wallClock);
  }

  peerServer(id: string): PeerServerRow | undefined {
    const row = this.#health.peerServer(id);
    return row === undefined ? undefined : peerServerRow(row, this.#wallClock);
  }

  verdicts(): VerdictsRow & PausedRow {
    const verdicts = verdictsRow(this.#health, this.#wallClock);
    return { ...verdicts, ...pausedRow(this.#registrations, this.#wallClock) };
  }

  proxy(name: string): ProxyRow | undefined {
    const row = this.#proxies.snapshot(name);
    return row === undefined ? undefined : proxyRow(row, this.#wallClock);
  }

  /** They are few, so that they are sorted when somebody asks. */
  proxies(query: ProxyQuery): Promise<Page<ProxyRow>> {
    const q = query.q?.toLowerCase();
    return page([...this.#proxies.names()].sort(), query, (name) => {
      const row = this.proxy(name);
      return row !== undefined && holds(q, row.name, row.address, row.contact) ? row : undefined;
    });
  }

  consumer(name: string): ConsumerRow | undefined {
    const reading = this.#consumers().get(name);
    return reading === undefined ? undefined : consumerRow(reading, this.#wallClock);
  }

  /** At most 64, so that they are sorted when somebody asks. */
  consumers(query: ConsumerQuery): Promise<Page<ConsumerRow>> {
    const q = query.q?.toLowerCase();
    const all = this.#consumers();
    return page([...all.keys()].sort(), query, (name) => {
      const reading = all.get(name);
      if (reading === undefined || (query.state ?? reading.state) !== reading.state)
        return undefined;
      return holds(q, name, reading.type) ? consumerRow(reading, this.#wallClock) : undefined;
    });
  }

  /** Cheaper than its row. */
  hasContract(name: string): boolean {
    return this.#health.contract(name) !== undefined;
  }

  contract(name: string): ContractRow | undefined {
    const row = this.#health.contract(name);
    if (row === undefined) return undefined;
    return contractRow(row, this.#registrations.counts().get(name), this.#wallClock);
  }

  registrations(query: RegistrationQuery): Promise<Page<RegistrationRow>> {
    const q = query.q?.toLowerCase();
    return page(this.#ids('registrations'), query, (id) => {
      const row = this.#registrations.snapshot(id);
      if (row === undefined || !registrationFits(row, query, q)) return undefined;
      return registrationRow(row, this.#wallClock);
    });
  }

  peerServers(query: PeerServerQuery): Promise<Page<PeerServerRow>> {
    const q = query.q?.toLowerCase();
    return page(this.#ids('peerServers'), query, (id) => {
      const row = this.#health.peerServer(id);
      if (row === undefined || !peerServerFits(row, query, q)) return undefined;
      return peerServerRow(row, this.#wallClock);
    });
  }

  contracts(query: ContractQuery): Promise<Page<ContractRow>> {
    const q = query.q?.toLowerCase();
    return page(this.#ids('contracts'), query, (name) => {
      const row = this.contract(name);
      if (row === undefined) return undefined;
      if (query.enabled !== undefined && row.enabled !== query.enabled) return undefined;
      return holds(q, row.name, row.description) ? row : undefined;
    });
  }

  certificates(query: CertificateQuery): Promise<Page<CertificateRow>> {
    const q = query.q?.toLowerCase();
    const all = new Map(this.#certificates().map((one) => [certificateId(one), one]));
    const nowMs = this.#wallClock.nowMs();
    return page([...all.keys()].sort(), query, (id) => {
      const one = all.get(id);
      if (one === undefined || (query.role ?? one.role) !== one.role) return undefined;
      return holds(q, one.name, one.subject) ? certificateRow(one, nowMs) : undefined;
    });
  }

  #ids(kind: 'registrations' | 'peerServers' | 'contracts'): readonly string[] {
    const known = this.#sorted.get(kind);
    if (known !== undefined) return known;
    const ids = [
      ...(kind === 'registrations'
        ? this.#registrations.ids()
        : kind === 'peerServers'
          ? this.#health.peerServers()
          : this.#health.contracts()),
    ].sort();
    this.#sorted.set(kind, ids);
    return ids;
  }
}

function registrationFits(
  { spec, state, bound, contact }: RegistrationSnapshot,
  query: RegistrationQuery,
  q: string | undefined,
): boolean {
  if (query.contract !== undefined && spec.profile.contract !== query.contract) return false;
  if (query.state !== undefined && state !== query.state) return false;
  if (query.bound !== undefined && bound !== query.bound) return false;
  return holds(q, spec.id, `${spec.username}@${spec.profile.domain}`, contact ?? '');
}

function peerServerFits(
  { spec, state, enabled }: PeerServerSnapshot,
  query: PeerServerQuery,
  q: string | undefined,
): boolean {
  if (query.contract !== undefined && spec.contract !== query.contract) return false;
  if (query.state !== undefined && state !== query.state) return false;
  if (query.enabled !== undefined && enabled !== query.enabled) return false;
  return holds(q, spec.id, spec.description, spec.sipProxy);
}

function holds(q: string | undefined, ...texts: readonly string[]): boolean {
  return q === undefined || texts.some((text) => text.toLowerCase().includes(q));
}

/** Rows after `after` in the order of ids, at most `limit`; looks one further to know whether more follow. */
async function page<Row>(
  ids: readonly string[],
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  read: (id: string) => Row | undefined,
): Promise<Page<Row>> {
  const items: Row[] = [];
  let lastId: string | undefined;
  const start = after === undefined ? 0 : firstAfter(ids, after);
  for (let index = start; index < ids.length; index += 1) {
    if (index > start && (index - start) % ROWS_PER_TURN === 0) await nextTurn();
    const id = ids[index];
    const row = id === undefined ? undefined : read(id);
    if (row === undefined) continue;
    if (items.length === limit) return { items, next: lastId ?? null };
    items.push(row);
    lastId = id;
  }
  return { items, next: null };
}

/** Index of the first id behind `after`, which need not be there any more. */
function firstAfter(ids: readonly string[], after: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
