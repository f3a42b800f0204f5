/**
 * How what was loaded goes from the thread that loads to the main one: in parts of a bounded size, so that no
 * part holds the event loop up. Pure. What registrations and peer servers share, they share on the other side
 * as well; secrets travel as bare texts between two threads of one process, and are hidden again on arrival.
 *
 *   loading thread: LoadResult -> Handover.next() ... -> structured clone -> Arrival.take() -> LoadResult
 */
import { assert } from '../core/base/assert.ts';
import { Secret } from '../core/base/secret.ts';
import type { ContractSpec, PeerServerSpec } from '../core/health/spec.ts';
import type { RegistrationProfile, RegistrationSpec } from '../core/registration/spec.ts';
import type { LoadResult } from './load.ts';

type Credentials = RegistrationSpec['credentials'];
type Whole = LoadResult & { readonly ok: true };

/** All but the items, which follow; secrets are replaced. */
export type Head =
  | { readonly kind: 'failed'; readonly result: LoadResult & { readonly ok: false } }
  | { readonly kind: 'loaded'; readonly result: unknown; readonly serverCounts: readonly number[] };

/** Some of the items, in the order of the configuration. */
export interface Part {
  readonly kind: 'part';
  readonly isLast: boolean;
  /** Those that stand in no earlier part; registrations name them by number, from 0. */
  readonly profiles: readonly unknown[];
  readonly registrations: readonly RegistrationRow[];
  readonly peerServers: readonly unknown[];
}

/** Flat, since there are very many of them. */
type RegistrationRow = readonly [
  id: string,
  username: string,
  ddi: string,
  profile: number,
  authUsername: string,
  password: string | undefined,
  ha1: string | undefined,
  ha1Hash: Credentials['ha1Hash'],
  realm: Credentials['realm'],
  /** Credentials that follow, hidden; few have any. */
  next: unknown,
];

/** Every field, so that one which is added to a spec cannot be lost on the way. */
type Complete<T> = { readonly [Key in keyof Required<T>]: T[Key] };

const ITEMS_PER_PART = 200;
/** No name of a key in a configuration has a NUL. */
const SECRET = '\0secret';
/** Different texts that are kept once; the first ones that come. */
const MOST_TEXTS = 1_000;

/** In the thread that loads. */
export class Handover {
  readonly head: Head;
  readonly #servers: readonly PeerServerSpec[];
  readonly #registrations: readonly RegistrationSpec[];
  readonly #profiles = new Map<RegistrationProfile, number>();
  #fresh: RegistrationProfile[] = [];
  #serversGone = 0;
  #registrationsGone = 0;

  constructor(result: LoadResult) {
    if (!result.ok) {
      this.head = { kind: 'failed', result };
      this.#servers = [];
      this.#registrations = [];
      return;
    }
    const { contracts, registrations } = result.spec;
    const bare = contracts.map((contract) => ({ ...contract, peerServers: [] }));
    const spec = { ...result.spec, contracts: bare, registrations: [] };
    this.head = {
      kind: 'loaded',
      result: hide({ ...result, spec }),
      serverCounts: contracts.map(({ peerServers }) => peerServers.length),
    };
    this.#servers = contracts.flatMap(({ peerServers }) => peerServers);
    this.#registrations = registrations;
  }

  /** The next part; the last one says so. */
  next(): Part {
    const servers = this.#servers.slice(this.#serversGone, this.#serversGone + ITEMS_PER_PART);
    this.#serversGone += servers.length;
    const room = this.#registrationsGone + ITEMS_PER_PART - servers.length;
    const registrations = this.#registrations
      .slice(this.#registrationsGone, room)
      .map((spec) => this.#rowOf(spec));
    this.#registrationsGone += registrations.length;
    const profiles = hide(this.#fresh) as readonly unknown[];
    this.#fresh = [];
    const isLast =
      this.#serversGone === this.#servers.length &&
      this.#registrationsGone === this.#registrations.length;
    const peerServers = hide(servers) as readonly unknown[];
    return { kind: 'part', isLast, profiles, registrations, peerServers };
  }

  #rowOf({ id, username, ddi, profile, credentials }: Complete<RegistrationSpec>): RegistrationRow {
    const { username: authUsername, password, ha1, ha1Hash, realm, next } = credentials;
    const number = this.#numberOf(profile);
    const secrets = [password?.reveal(), ha1?.reveal()] as const;
    return [id, username, ddi, number, authUsername, ...secrets, ha1Hash, realm, hide(next)];
  }

  #numberOf(profile: RegistrationProfile): number {
    const known = this.#profiles.get(profile);
    if (known !== undefined) return known;
    const number = this.#profiles.size;
    this.#profiles.set(profile, number);
    this.#fresh.push(profile);
    return number;
  }
}

/** In the main thread. */
export class Arrival {
  readonly #result: Whole;
  readonly #serverCounts: readonly number[];
  readonly #profiles: RegistrationProfile[] = [];
  readonly #servers: PeerServerSpec[] = [];
  readonly #registrations: RegistrationSpec[] = [];
  readonly #texts = new Texts();

  constructor(head: Head & { readonly kind: 'loaded' }) {
    this.#result = this.#shown(head.result) as Whole;
    this.#serverCounts = head.serverCounts;
  }

  take({ profiles, registrations, peerServers }: Part): void {
    this.#profiles.push(...(this.#shown(profiles) as readonly RegistrationProfile[]));
    this.#servers.push(...(this.#shown(peerServers) as readonly PeerServerSpec[]));
    for (const row of registrations) this.#registrations.push(this.#registrationOf(row));
  }

  /** What was loaded, once every part has been taken. */
  whole(): LoadResult {
    const { spec } = this.#result;
    let from = 0;
    const contracts = spec.contracts.map((contract, index): ContractSpec => {
      const count = this.#serverCounts[index] ?? 0;
      from += count;
      return { ...contract, peerServers: this.#servers.slice(from - count, from) };
    });
    return { ...this.#result, spec: { ...spec, contracts, registrations: this.#registrations } };
  }

  /** Written out, so that all of them have one shape; equal texts become one. */
  #registrationOf(row: RegistrationRow): RegistrationSpec {
    const [id, username, ddi, number, authUsername, password, ha1, ha1Hash, realm, next] = row;
    const profile = this.#profiles[number];
    assert(profile !== undefined, 'a profile comes before its registrations');
    const texts = this.#texts;
    const present: Complete<Omit<Credentials, 'next'>> = {
      username: authUsername === username ? username : texts.kept(authUsername),
      password: password === undefined ? undefined : new Secret(texts.kept(password)),
      ha1: ha1 === undefined ? undefined : new Secret(texts.kept(ha1)),
      ha1Hash,
      realm: typeof realm === 'string' ? texts.kept(realm) : realm,
    };
    const credentials: Credentials =
      next === undefined ? present : { ...present, next: this.#shown(next) as Credentials };
    return {
      id: id === username ? username : id,
      username,
      ddi: ddi === username ? username : ddi,
      credentials,
      profile,
    } satisfies Complete<RegistrationSpec>;
  }

  #shown(value: unknown): unknown {
    return show(value, this.#texts, new Set());
  }
}

/** A few texts are the same in all specs: each of them is kept once. */
class Texts {
  readonly #known = new Map<string, string>();

  kept(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size < MOST_TEXTS) this.#known.set(text, text);
    return text;
  }
}

/** A copy without secrets that the structured clone would lose; what is shared stays shared. */
function hide(value: unknown, known = new Map<object, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return { [SECRET]: value.reveal() };
  const before = known.get(value);
  if (before !== undefined) return before;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    known.set(value, list);
    for (const one of value) list.push(hide(one, known));
    return list;
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    known.set(value, map);
    for (const [key, one] of value) map.set(key, hide(one, known));
    return map;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  assert(
    prototype === Object.prototype || prototype === null,
    'a spec is made of plain data and maps',
  );
  const copy: Record<string, unknown> = {};
  known.set(value, copy);
  for (const [key, one] of Object.entries(value)) copy[key] = hide(one, known);
  return copy;
}

/** Undoes `hide`, in place: what the structured clone made is nobody else's. */
function show(value: unknown, texts: Texts, seen: Set<object>): unknown {
  if (typeof value === 'string') return texts.kept(value);
  if (typeof value !== 'object' || value === null || seen.has(value)) return value;
  const record = value as Record<string, unknown>;
  const secret = record[SECRET];
  if (typeof secret === 'string') return new Secret(secret);
  seen.add(value);
  if (value instanceof Map) {
    for (const [key, one] of value) value.set(key, show(one, texts, seen));
    return value;
  }
  for (const key of Object.keys(record)) record[key] = show(record[key], texts, seen);
  return value;
}
