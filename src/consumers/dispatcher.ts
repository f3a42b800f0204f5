/**
 * Keeper of one Kamailio's dispatcher: compares what it holds with the verdicts, and mends the difference. By list
 * file and RPC, by RPC alone for a proxy on another host, or by the file alone, which nobody reads back.
 *
 *   pass:  dispatcher.list -> destinations (new ones once the address list has them) -> file (when its text changes)
 *          members differ -> reload (or add, remove) -> dispatcher.list again
 *          states differ -> set_duid_state, 10 a second -> a beat, for the dead-man of ops/kamailio/dispatcher.cfg
 *
 * What Kamailio does, and is minded here: a reload forgets the states that were set (the file holds them, too); a
 * second change of members within 5 s is refused; weights are members as well, so that those of a slow start come in
 * steps; an empty list takes all traffic down, and is never written; a
 * missing file keeps it from starting; a line that it does not like it drops in silence.
 */
import { createHash } from 'node:crypto';
import { after, elapsedMs, type Instant } from '../core/base/instant.ts';
import type { AddressBoard, Admission, DispatcherSide } from './address-board.ts';
import { askDispatcher } from './ask-dispatcher.ts';
import {
  type Destination,
  type DestinationState,
  destinationsOf,
  isUnresolved,
} from './destinations.ts';
import { type Change, nextChange } from './dispatcher-changes.ts';
import { attributesOf, type Held, printList, readList, statesInList } from './dispatcher-list.ts';
import {
  addressesOf,
  driftOf,
  inSafeOrder,
  type Judged,
  keyOf,
  withKnownAddresses,
} from './dispatcher-members.ts';
import { ForeignStates } from './foreign-states.ts';
import { type Rpc, RpcError } from './json-rpc.ts';
import { pause } from './pause.ts';
import type {
  Consumer,
  ConsumerPorts,
  ConsumerState,
  ConsumerStatus,
  ContractChoice,
} from './ports.ts';
import { type Amiss, type PassResult, passResultOf, Reconciler } from './reconciler.ts';
import { RELOAD_GAP_MS, ReloadGap } from './reload-gap.ts';
import { ReloadPace } from './reload-pace.ts';
import { type Sifted, WaitingMembers } from './waiting-members.ts';

export interface DispatcherConsumerSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  /** `observe` tells what it would do, and does nothing. */
  readonly mode: 'apply' | 'observe';
  readonly listFile: string | undefined;
  readonly rpc: string | undefined;
  readonly socket: string | undefined;
}

/** How long names may take to resolve at the start, before what is there is replaced. */
const GRACE_MS = 10_000;
const STATE_GAP_MS = 100;
/** Two seconds, after which what has become of the verdicts meanwhile is looked at. */
const MAX_STATES_A_PASS = 20;

/** What of a pass is amiss; without a text nothing is. */
interface Part extends Amiss {
  readonly againMs: number;
}

const LETTER: Readonly<Record<DestinationState, string>> = {
  active: 'a',
  inactive: 'i',
  disabled: 'd',
};

export class DispatcherConsumer implements Consumer {
  readonly name: string;
  readonly #spec: DispatcherConsumerSpec;
  readonly #ports: ConsumerPorts;
  readonly #rpc: Rpc | undefined;
  readonly #reconciler: Reconciler;
  readonly #foreign = new ForeignStates();
  readonly #pace = new ReloadPace();
  readonly #board: DispatcherSide;
  readonly #waiting: WaitingMembers;
  #startedAt: Instant;
  #fileText: string | undefined;
  /** By duid: for what nothing is known of yet. */
  #lastStates: ReadonlyMap<string, DestinationState> = new Map();
  #hasReadFile = false;
  #incarnation: string | undefined;
  readonly #gap: ReloadGap;
  /** By RPC alone: what we add has it, so that the next trunkd of this machine knows it for ours. */
  readonly #mark: string;
  /** By RPC alone: sets that a contract of ours has or had since the start. */
  #ownSets: ReadonlySet<number> = new Set();
  #beat = 0;

  constructor(
    spec: DispatcherConsumerSpec,
    ports: ConsumerPorts,
    rpc: Rpc | undefined,
    board: AddressBoard,
  ) {
    this.name = spec.name;
    this.#spec = spec;
    this.#ports = ports;
    this.#rpc = rpc;
    this.#startedAt = ports.clock.now();
    this.#mark = markOf(ports.hostId, spec.name);
    this.#board = board.dispatcher(spec.rpc, () => this.#reconciler.changed());
    this.#waiting = new WaitingMembers(this.#board);
    this.#gap = new ReloadGap(ports.clock);
    const { clock, timers } = ports;
    this.#reconciler = new Reconciler({
      clock,
      timers,
      pass: () => this.#pass(),
      told: (from, { state, cause, nextAttemptAt }) =>
        ports.tell({ kind: 'changed', consumer: this.name, from, state, cause, nextAttemptAt }),
    });
  }

  get state(): ConsumerState {
    return this.#reconciler.state;
  }

  get status(): ConsumerStatus {
    return this.#reconciler.status;
  }

  start(): void {
    this.#startedAt = this.#ports.clock.now();
    this.#reconciler.start();
  }

  changed(): void {
    this.#reconciler.changed();
  }

  stop(): Promise<void> {
    this.#board.leave();
    return this.#reconciler.stop();
  }

  async #pass(): Promise<PassResult> {
    const { book, clock } = this.#ports;
    const { contracts } = this.#spec;
    await this.#readFile();
    const isEarly = clock.now() < after(this.#startedAt, GRACE_MS);
    if (isEarly && isUnresolved(book, contracts)) {
      return { state: 'starting', code: 'consumer.unresolved', text: '', againMs: 250 };
    }
    const { proxySocket } = this.#ports;
    const plain = destinationsOf(book, { ...this.#spec, proxySocket });
    if (plain.length === 0) {
      const text = 'no server to tell of: an empty list is never written';
      return { state: 'drifting', code: 'consumer.nothingToTell', text };
    }
    const rpc = this.#rpc;
    if (rpc === undefined) return await this.#mendFile(plain);
    let held: readonly Held[];
    try {
      held = await this.#read(rpc);
    } catch (error) {
      // It finds the file when it comes back.
      await this.#mendFile(plain);
      throw error;
    }
    return await this.#mend(rpc, plain, held);
  }

  /** What the file holds is all that is known of a proxy that cannot be asked. */
  async #mendFile(plain: readonly Destination[]): Promise<PassResult> {
    const held = readList(this.#fileText ?? '');
    if (this.#rpc === undefined) this.#board.uses(addressesOf(held));
    const { members, ...waiting } = this.#sift(plain, held, 'written');
    if (members.length > 0) await this.#write(members);
    return { state: waiting.text === '' ? 'inSync' : 'drifting', ...waiting };
  }

  #sift(plain: readonly Destination[], held: readonly Held[], admission: Admission): Sifted {
    const known = withKnownAddresses(plain, held);
    return this.#waiting.sift(known, held, admission, this.#ports.clock.now());
  }

  async #mend(
    rpc: Rpc,
    plain: readonly Destination[],
    before: readonly Held[],
  ): Promise<PassResult> {
    this.#lastStates = new Map(before.map(({ duid, state }) => [duid, plainState(state)]));
    const { members: destinations, ...waiting } = this.#sift(plain, before, 'held');
    if (destinations.length === 0) return { state: 'drifting', ...waiting };
    await this.#write(destinations);
    this.#ownSets = new Set([...this.#ownSets, ...destinations.map(({ set }) => set)]);
    const members = await this.#mendMembers(rpc, destinations, before);
    const states = await this.#mendStates(rpc, destinations, members.held);
    if (this.#spec.mode === 'apply') await this.#tellBeat(rpc);
    const amiss = [members, waiting, states].filter(({ text }) => text !== '');
    return passResultOf(amiss, Math.min(members.againMs, waiting.againMs, states.againMs));
  }

  /** What it holds now. Where it was restarted, nothing that we told is remembered. */
  async #read(rpc: Rpc): Promise<readonly Held[]> {
    const { incarnation, held } = await askDispatcher(rpc);
    if (incarnation !== this.#incarnation) {
      if (this.#incarnation !== undefined) this.#board.proxyRestarted();
      this.#incarnation = incarnation;
      this.#foreign.forget();
      this.#pace.forget();
      this.#gap.forget();
    }
    this.#board.uses(addressesOf(held));
    return held;
  }

  async #mendMembers(
    rpc: Rpc,
    destinations: readonly Destination[],
    held: readonly Held[],
  ): Promise<Part & { readonly held: readonly Held[] }> {
    const isByFile = this.#spec.listFile !== undefined;
    // The file is all that it loads: what is not in there is of a contract that went, whoever saw it go.
    const own = isByFile ? 'all' : { sets: this.#ownSets, mark: this.#mark };
    const drift = driftOf(destinations, held, own, isByFile);
    const { missing, excess } = drift;
    const count = missing.length + excess.length;
    if (count === 0) return { held, ...WELL };
    const text = `${missing.length} to be added or changed, ${excess.length} to be removed`;
    const part = { held, drift: count, code: 'consumer.drifting', text } as const;
    if (this.#spec.mode === 'observe') {
      return { ...part, code: 'consumer.observed', text: `${text} (observed)`, againMs: NEVER };
    }
    const at = this.#ports.clock.now();
    const weightsMs = drift.isOfWeights ? this.#pace.untilWeightsMs(at) : 0;
    if (weightsMs > 0) return { held, ...WELL, againMs: weightsMs };
    if (isByFile && !this.#pace.mayLoad(destinations, at)) {
      const why = `the proxy does not take the list as it is: ${text}; has it all the sockets?`;
      return { ...part, code: 'consumer.notTaken', text: why, againMs: NEVER };
    }
    const waitMs = this.#gap.take();
    if (waitMs > 0) return { ...part, againMs: waitMs };
    try {
      if (isByFile) await this.#reload(rpc, destinations);
      else await this.#change(rpc, nextChange(destinations, drift, held));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return { ...part, text: `${text}: ${error.message}`, againMs: RELOAD_GAP_MS };
    }
    const now = await this.#read(rpc);
    const left = driftOf(destinations, now, own, isByFile);
    const stillCount = left.missing.length + left.excess.length;
    if (stillCount === 0) return { held: now, ...WELL };
    return { ...part, held: now, drift: stillCount, againMs: RELOAD_GAP_MS };
  }

  async #reload(rpc: Rpc, destinations: readonly Destination[]): Promise<void> {
    await rpc('dispatcher.reload', []);
    this.#foreign.forget();
    this.#pace.loaded(destinations, this.#ports.clock.now());
  }

  async #change(rpc: Rpc, change: Change | undefined): Promise<void> {
    if (change?.kind === 'add') {
      const { set, uri, priority, state = 'active' } = change.destination;
      const attributes = `${attributesOf(change.destination)};trunkd=${this.#mark}`;
      await rpc('dispatcher.add', [set, uri, state === 'active' ? 0 : 1, priority, attributes]);
    }
    if (change?.kind === 'remove') await rpc('dispatcher.remove', [change.set, change.uri]);
  }

  async #mendStates(
    rpc: Rpc,
    destinations: readonly Destination[],
    held: readonly Held[],
  ): Promise<Part> {
    const { toSet, kept } = this.#judgeStates(destinations, held);
    if (this.#spec.mode === 'apply') {
      for (const [index, { state, set, duid }] of toSet.slice(0, MAX_STATES_A_PASS).entries()) {
        if (index > 0) await pause(this.#ports, STATE_GAP_MS);
        await rpc('dispatcher.set_duid_state', [LETTER[state], set, duid]);
        this.#foreign.sent(keyOf({ set, duid }), state);
      }
    }
    return this.#statesTold(toSet.length, kept);
  }

  #judgeStates(
    destinations: readonly Destination[],
    held: readonly Held[],
  ): { readonly toSet: readonly Judged[]; readonly kept: number } {
    const byKey = new Map(held.map((one) => [keyOf(one), one]));
    const now = this.#ports.clock.now();
    const toSet: Judged[] = [];
    let kept = 0;
    this.#foreign.keepOnly(new Set(destinations.map(keyOf)));
    for (const one of destinations) {
      const { state } = one;
      const there = byKey.get(keyOf(one));
      if (there === undefined || state === undefined) continue;
      const step = this.#foreign.step(keyOf(one), state, there.state, now);
      if (step === 'set') toSet.push({ ...one, state });
      if (step === 'observed') this.#observed(one, there);
      if (step === 'observed' || step === 'kept') kept += 1;
    }
    return { toSet: inSafeOrder(toSet, held), kept };
  }

  #statesTold(set: number, kept: number): Part {
    if (this.#spec.mode === 'observe') {
      const text = set === 0 ? '' : `${set} states to be set (observed)`;
      return { code: 'consumer.observed', text, drift: set, againMs: NEVER };
    }
    const nextAt = this.#foreign.nextAt();
    const keptMs = nextAt === undefined ? NEVER : elapsedMs(this.#ports.clock.now(), nextAt);
    const text = kept === 0 ? '' : `${kept} states of the proxy's own are left for 30 s`;
    // What was set is looked at once more, so that the next difference is known as foreign.
    const againMs = Math.max(set > 0 ? STATE_GAP_MS : keptMs, STATE_GAP_MS);
    return { code: 'consumer.foreignState', text, drift: kept, againMs };
  }

  #observed(destination: Destination, { state }: Held): void {
    const { peerServer, duid } = destination;
    const consumer = this.name;
    this.#ports.tell({ kind: 'observed', consumer, peerServer, destination: duid, state });
  }

  /** Kamailio knows by it that somebody watches. */
  async #tellBeat(rpc: Rpc): Promise<void> {
    this.#beat = (this.#beat % 1_000_000) + 1;
    try {
      await rpc('pv.shvSet', ['trunkd_beat', 'int', this.#beat]);
    } catch (error) {
      // Without the snippet there is no such variable, and nobody who looks at it.
      if (!(error instanceof RpcError)) throw error;
    }
  }

  /** Every time: a backup, a package or an administrator may have put an old one there. */
  async #readFile(): Promise<void> {
    const { listFile } = this.#spec;
    if (listFile === undefined) return;
    const text = await this.#ports.files.read(listFile);
    if (!this.#hasReadFile) this.#lastStates = statesInList(text ?? '');
    // Whatever the proxy did not take of our list, it may have loaded that one since.
    else if (text !== this.#fileText) this.#pace.forget();
    this.#hasReadFile = true;
    this.#fileText = text;
  }

  async #write(destinations: readonly Destination[]): Promise<void> {
    const { listFile, mode } = this.#spec;
    if (listFile === undefined || mode === 'observe') return;
    const text = printList(destinations, ({ duid }) => this.#lastStates.get(duid) ?? 'active');
    if (text === this.#fileText) return;
    await this.#ports.files.write(listFile, text);
    this.#fileText = text;
  }
}

/** Short, since it stands in each destination. */
function markOf(hostId: string, consumer: string): string {
  return createHash('sha256').update(`${hostId} ${consumer}`).digest('hex').slice(0, 12);
}

function plainState(state: Held['state']): DestinationState {
  return state === 'trying' ? 'active' : state;
}

const NEVER = Number.POSITIVE_INFINITY;
const WELL: Part = { code: 'consumer.drifting', text: '', drift: 0, againMs: NEVER };
