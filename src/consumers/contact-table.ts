/**
 * Keeper of a table (htable) of one Kamailio: the user of our Contact -> the registration that it belongs to, so that a
 * script knows whose call comes in. What is not ours in the table is removed.
 *
 *   pass:  core.uptime, htable.stats -> as it was left? -> what is to be set or removed, 200 a pass
 *
 * A small table is read back whole (htable.dump) at each pass. A large one is not: Kamailio builds the answer in the memory
 * of one process, and with 100,000 entries it only closes the connection. Of such a table the number of entries is
 * compared, and some of them at each pass; all are set anew after a restart of the proxy, and differences after a reload.
 * All registrations are walked through after a reload alone, never for a verdict, and in slices.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { after, type Instant } from '../core/base/instant.ts';
import { ConsumerFault } from './causes.ts';
import { type Rpc, RpcError } from './json-rpc.ts';
import { type Consumer, type ConsumerPorts, type ContractChoice, isChosen } from './ports.ts';
import { reconciled } from './reconciled.ts';
import type { PassResult } from './reconciler.ts';

export interface ContactTableSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  readonly mode: 'apply' | 'observe';
  readonly rpc: string;
  readonly table: string;
}

const MAX_CHANGES_A_PASS = 200;
const NEXT_PASS_MS = 100;
/** Half a megabyte of answer. */
const MAX_DUMPED = 5_000;
/** Looked at in a large table at each pass. */
const SAMPLES_A_PASS = 50;
/** A large table that somebody else changes all the time is not set anew all the time. */
const ANEW_AGAIN_MS = 300_000;
const ROWS_PER_TURN = 5_000;

export function contactTable(spec: ContactTableSpec, ports: ConsumerPorts, rpc: Rpc): Consumer {
  const table = new ContactTable(spec, ports, rpc);
  return reconciled(spec.name, ports, () => table.pass(), {
    isTouchedBy: (contract) => table.isTouchedBy(contract),
  });
}

class ContactTable {
  readonly #spec: ContactTableSpec;
  readonly #ports: ConsumerPorts;
  readonly #rpc: Rpc;
  /** Contact user -> id of its registration. */
  #wanted: ReadonlyMap<string, string> = new Map();
  #hasNewMembers = true;
  /** Contact users that are to be set, and removed; the last ones first. */
  #unset: string[] = [];
  #stale: string[] = [];
  #incarnation: string | undefined;
  #anewAt: Instant | undefined;
  #samples: Iterator<string> | undefined;

  constructor(spec: ContactTableSpec, ports: ConsumerPorts, rpc: Rpc) {
    this.#spec = spec;
    this.#ports = ports;
    this.#rpc = rpc;
  }

  /** Verdicts of a contract are nothing to it; a reload is. */
  isTouchedBy(contract: string | undefined): boolean {
    if (contract === undefined) this.#hasNewMembers = true;
    return contract === undefined;
  }

  async pass(): Promise<PassResult> {
    const isRestarted = await this.#isRestarted();
    if (this.#hasNewMembers) await this.#takeMembers();
    const isObserving = this.#spec.mode === 'observe';
    // What nobody does is not waited for.
    if (isObserving) this.#plan([], []);
    const count = await this.#count();
    const isIdle = this.#left === 0;
    if (count <= MAX_DUMPED) {
      if (isRestarted || isIdle) await this.#compare();
    } else if (isRestarted && !isObserving) this.#setAll();
    else if (isIdle) {
      const amiss = await this.#whyOthers(count);
      if (amiss !== undefined) return amiss;
    }
    if (this.#left === 0) return { state: 'inSync', text: '' };
    const text = `${this.#unset.length} to be set, ${this.#stale.length} to be removed`;
    const drift = this.#left;
    if (isObserving) {
      return { state: 'drifting', code: 'consumer.observed', text: `${text} (observed)`, drift };
    }
    await this.#mend();
    return this.#left === 0
      ? { state: 'inSync', text: '' }
      : { state: 'drifting', text, drift: this.#left, againMs: NEXT_PASS_MS };
  }

  #plan(unset: string[], stale: string[]): void {
    this.#unset = unset;
    this.#stale = stale;
  }

  /** How many changes are waiting. */
  get #left(): number {
    return this.#unset.length + this.#stale.length;
  }

  /** Also at the first pass: what it holds then, nobody knows. */
  async #isRestarted(): Promise<boolean> {
    const uptime = await this.#rpc('core.uptime', []);
    const incarnation = String((uptime as { up_since?: unknown } | undefined)?.up_since);
    const isRestarted = incarnation !== this.#incarnation;
    this.#incarnation = incarnation;
    return isRestarted;
  }

  async #takeMembers(): Promise<void> {
    // What comes while we walk is taken by the next pass.
    this.#hasNewMembers = false;
    const before = this.#wanted;
    const wanted = new Map<string, string>();
    let rows = 0;
    for (const { id, ddi, contract } of this.#ports.registrations()) {
      if (isChosen(this.#spec.contracts, contract)) {
        wanted.set(ddi, id);
        if (before.get(ddi) !== id) this.#unset.push(ddi);
      }
      rows += 1;
      if (rows % ROWS_PER_TURN === 0) await nextTurn();
    }
    this.#stale = this.#stale.filter((ddi) => !wanted.has(ddi));
    for (const ddi of before.keys()) if (!wanted.has(ddi)) this.#stale.push(ddi);
    this.#wanted = wanted;
    this.#samples = undefined;
  }

  async #count(): Promise<number> {
    const { table } = this.#spec;
    const count = readCount(await this.#rpc('htable.stats', []), table);
    if (count !== undefined) return count;
    throw new ConsumerFault('consumer.badAnswer', `htable.stats: no table ${table} in the answer`);
  }

  async #compare(): Promise<void> {
    const held = readDump(await this.#rpc('htable.dump', [this.#spec.table]));
    if (held === undefined) {
      throw new ConsumerFault('consumer.badAnswer', 'htable.dump: no table in the answer');
    }
    const wanted = this.#wanted;
    this.#plan(
      [...wanted.keys()].filter((ddi) => held.get(ddi) !== wanted.get(ddi)),
      [...held.keys()].filter((ddi) => !wanted.has(ddi)),
    );
  }

  #setAll(): void {
    this.#anewAt = this.#ports.clock.now();
    this.#plan([...this.#wanted.keys()], []);
  }

  /** Of a large table, with nothing to be changed by us; undefined: it seems to be as it was left. */
  async #whyOthers(count: number): Promise<PassResult | undefined> {
    const { size } = this.#wanted;
    const differing = count === size ? await this.#sample() : Math.abs(count - size);
    if (differing === 0) return undefined;
    const text = `it has ${count} entries instead of ${size}, or others`;
    const drifting = { state: 'drifting', text, drift: differing } as const;
    if (this.#spec.mode === 'observe') return { ...drifting, code: 'consumer.observed' };
    // What is too much cannot be listed; without it the table would have to be empty for a while.
    if (count > size) return { ...drifting, code: 'consumer.strangers' };
    const now = this.#ports.clock.now();
    if (this.#anewAt !== undefined && after(this.#anewAt, ANEW_AGAIN_MS) > now) return drifting;
    this.#setAll();
    return undefined;
  }

  /** How many of the next entries are not as they should be. */
  async #sample(): Promise<number> {
    let differing = 0;
    for (let n = 0; n < Math.min(SAMPLES_A_PASS, this.#wanted.size); n += 1) {
      this.#samples ??= this.#wanted.keys();
      const { value: ddi, done } = this.#samples.next();
      if (done === true) this.#samples = undefined;
      else if ((await this.#valueOf(ddi)) !== this.#wanted.get(ddi)) differing += 1;
    }
    return differing;
  }

  async #valueOf(ddi: string): Promise<string | undefined> {
    try {
      const found = await this.#rpc('htable.get', [this.#spec.table, ddi]);
      return String((found as { item?: { value?: unknown } } | undefined)?.item?.value);
    } catch (error) {
      // It says so where there is none.
      if (error instanceof RpcError) return undefined;
      throw error;
    }
  }

  /** What is to come is there before anything goes. */
  async #mend(): Promise<void> {
    const { table } = this.#spec;
    for (let n = 0; n < MAX_CHANGES_A_PASS && this.#left > 0; n += 1) {
      const ddi = this.#unset.at(-1);
      if (ddi === undefined) {
        await this.#remove(this.#stale.at(-1));
        this.#stale.pop();
        continue;
      }
      const id = this.#wanted.get(ddi);
      if (id !== undefined) await this.#rpc('htable.sets', [table, ddi, id]);
      this.#unset.pop();
    }
  }

  async #remove(ddi: string | undefined): Promise<void> {
    try {
      await this.#rpc('htable.delete', [this.#spec.table, ddi]);
    } catch (error) {
      // Newer ones say so where there is none.
      if (!(error instanceof RpcError)) throw error;
    }
  }
}

/** Entries of the table in the result of `htable.stats`. */
function readCount(result: unknown, table: string): number | undefined {
  if (!Array.isArray(result)) return undefined;
  const found = (result as { name?: unknown; all?: unknown }[]).find((one) => one?.name === table);
  return typeof found?.all === 'number' ? found.all : undefined;
}

/** The result of `htable.dump`; undefined when it is not one. */
function readDump(result: unknown): ReadonlyMap<string, string> | undefined {
  if (!Array.isArray(result)) return undefined;
  const held = new Map<string, string>();
  for (const entry of result as { slot?: unknown }[]) {
    if (!Array.isArray(entry?.slot)) continue;
    for (const { name, value } of entry.slot as { name?: unknown; value?: unknown }[]) {
      held.set(String(name), String(value));
    }
  }
  return held;
}
