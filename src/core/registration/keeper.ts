/**
 * Keeps registrations registered: owns their machines, and is where the daemon adds, changes and
 * removes them. RFC 3261 section 10.2; defaults of design.md 6.
 *
 *   keeper (who is there) -> machinist (steps, timers, events) -> attempts (the way of one try)
 */
import { assert } from '../base/assert.ts';
import type { Cause } from '../base/cause.ts';
import type { Publish } from '../base/event-hub.ts';
import type { Fault } from '../base/fault.ts';
import { after } from '../base/instant.ts';
import { Timer } from '../base/timer-queue.ts';
import type { FlowNews } from '../sip/keep-alive/ports.ts';
import type { Flow, LocalAddressChange } from '../sip/transport/ports.ts';
import type { PacingSpec } from '../sip/user-agent/ports.ts';
import { followAddress } from './address-change.ts';
import type { AttemptPorts } from './attempts.ts';
import { followProxy, loseConnection } from './behind-proxy.ts';
import type { Callers } from './callers.ts';
import { STUCK } from './causes.ts';
import { Entry, forgetAuth } from './entry.ts';
import type { RegistrationEvent, RegistrationState } from './events.ts';
import { LegGroups, type LegHost } from './leg-groups.ts';
import { Machinist } from './machinist.ts';
import { isKept, Orders } from './orders.ts';
import { endOverride, type Order, wantedAdmin, whyOff } from './override.ts';
import type { Pause, ToldPause } from './pause.ts';
import type { FetchedBindings } from './queries.ts';
import { countRefreshes } from './registrar.ts';
import { hasOtherProof } from './roll-over.ts';
import type { RegistrationBook, RegistrationSnapshot } from './snapshot.ts';
import { snapshotOf } from './snapshot-of.ts';
import type { RegistrationSpec } from './spec.ts';
import { compareSpecs } from './spec-change.ts';
import { ageAll } from './standstill.ts';
import { Sweeper } from './sweeper.ts';

/** A removal waits for its turn no longer than this. */
const REMOVAL_LIMIT_MS = 3_600_000;
/** A new binding waits for the removal of the old one no longer than this. */
const RENEWAL_LIMIT_MS = 8_000;
/** `stop` with unregistering takes no longer. */
const STOP_LIMIT_MS = 60_000;

export interface KeeperPorts extends AttemptPorts {
  readonly publish: Publish<RegistrationEvent>;
  readonly pacing: PacingSpec;
  readonly callers?: Callers | undefined;
  /** Shown each registration after a step of its machine and what followed from it; for simulations. */
  readonly stepped?: ((entry: Entry) => void) | undefined;
}

export class RegistrationKeeper implements RegistrationBook {
  readonly #entries = new Map<string, Entry>();
  readonly #ports: KeeperPorts;
  readonly #machinist: Machinist;
  readonly #groups: LegGroups;
  readonly #orders: Orders;
  readonly #sweeper: Sweeper;
  readonly #stopTimer: Timer;
  #stopped: (() => void) | undefined;
  #isStopping = false;
  #unregistering = 0;

  constructor(ports: KeeperPorts) {
    this.#ports = ports;
    const finished = (entry: Entry) => this.#finished(entry);
    this.#machinist = new Machinist(ports, ports.pacing, this.#entries, finished);
    this.#groups = this.#legGroups();
    this.#machinist.groups = this.#groups;
    this.#orders = new Orders({
      timers: ports.timers,
      queries: this.#machinist.queries,
      entriesOf: (id) => this.#machinist.entriesOf(id),
      feed: (entry, input) => this.#machinist.feed(entry, input),
      follow: (entry) => this.#followAdmin(entry),
    });
    this.#sweeper = new Sweeper(
      this.#entries,
      ports.timers,
      () => this.#machinist.attempts.nudge(),
      (entry) => this.#repair(entry),
      (entry, now) => this.#machinist.attempts.lookAgain(entry, now),
    );
    this.#stopTimer = new Timer(() => this.#halt());
  }

  /** Begins to keep it registered; the id must be free, or on its way out. */
  add(spec: RegistrationSpec): void {
    if (this.#isStopping) return;
    const known = this.#entries.get(spec.id);
    assert(known === undefined || known.fate !== 'stay', `${spec.id} is kept already`);
    const { tally } = this.#machinist;
    if (this.#groups.concerns(spec)) this.#groups.apply(spec);
    else if (known !== undefined) known.fate = spec;
    else this.#add(spec, ({ state }) => tally.added(spec.profile.contract, state.name));
  }

  /** Another spec for the same id. What does not concern the binding takes effect with the next refresh. */
  change(spec: RegistrationSpec): void {
    if (this.#groups.concerns(spec)) this.#groups.apply(spec);
    else this.#change(this.#entryOf(spec.id), spec);
  }

  #change(entry: Entry, spec: RegistrationSpec): void {
    if (entry.fate !== 'stay') {
      entry.fate = spec;
      return;
    }
    const change = compareSpecs(entry.spec, spec);
    if (change.hasNewAdmin) endOverride(entry, this.#ports.timers);
    if (change.needsNewBinding) {
      this.#renew(entry, spec);
      return;
    }
    this.#swap(entry, spec);
    const provesAnew = hasOtherProof(entry, change);
    if (provesAnew) forgetAuth(entry);
    if (provesAnew && isKept(entry) && !this.#isStopping)
      this.#machinist.feed(entry, { kind: 'urge', isFresh: true });
    this.#followAdmin(entry);
  }

  /** Removes the binding as `onRemove` says; `registration.removed` tells when that is over. */
  remove(id: string): void {
    for (const entry of [...this.#machinist.entriesOf(id)]) this.#remove(entry);
  }

  #remove(entry: Entry): void {
    if (entry.fate === 'leave') return;
    entry.fate = 'leave';
    const { name } = entry.state;
    if (name === 'unregistering') return;
    if (name === 'off') this.#finished(entry);
    else if (entry.spec.profile.onRemove === 'unregister') {
      this.#unregister(entry, REMOVAL_LIMIT_MS, undefined);
    } else {
      this.#machinist.queries.abort(entry);
      this.#machinist.attempts.cancel(entry);
      this.#ports.timers.disarm(entry.timer);
      this.#finished(entry);
    }
  }

  /** Tries at once, whatever the plan or a guard says; false when it is unknown or switched off. */
  registerNow(id: string): boolean {
    return !this.#isStopping && this.#orders.registerNow(id);
  }

  /** Commands of operators, see `Orders`; false when the id is unknown. */
  order(id: string, order: Order): boolean {
    return this.#orders.order(id, order);
  }

  forget(id: string, reason: string): boolean {
    return this.#orders.forget(id, reason);
  }

  /** All registrations rest, or go on. */
  get pause(): Pause {
    return this.#machinist.attempts.pause;
  }

  fetchBindings(id: string, receive: (answers: readonly FetchedBindings[]) => void): boolean {
    return !this.#isStopping && this.#orders.fetchBindings(id, receive);
  }

  /** A connection is gone: what was registered over it is registered again, over a new one. */
  flowLost(flow: Flow, reason: Fault): void {
    if (!this.#isStopping) this.#machinist.flowLost(flow, reason);
  }

  /** Our own address is another, or is back: who is concerned registers again, the first to run out first. */
  localAddressChanged(change: LocalAddressChange): void {
    if (!this.#isStopping) followAddress(this.#machinist, this.#entries.values(), change);
  }

  /** trunkd did not run for that long; see standstill.ts. */
  stoodStill(ms: number): void {
    if (!this.#isStopping) ageAll(this.#machinist, this.#entries, this.#ports.timers, ms);
  }

  /** A proxy of ours fell silent or answers again; `isRestarted`: its connections to others are gone. */
  proxyChanged(proxy: string, isRestarted: boolean): void {
    if (!this.#isStopping) followProxy(this.#machinist, proxy, isRestarted);
  }

  /** See behind-proxy.ts; returns how many registrations are made again. */
  proxyConnectionLost(proxy: string, target: string): number {
    return this.#isStopping ? 0 : loseConnection(this.#machinist, proxy, target);
  }

  /** Keep-alives found out that a UDP flow is no longer what it was. */
  flowNews(flow: Flow, news: FlowNews): void {
    if (!this.#isStopping) this.#machinist.flowNews(flow, news);
  }

  /** A new pace counts from the next recovery on; the pacer itself has been told by others. */
  setPacing(pacing: PacingSpec): void {
    this.#machinist.attempts.pacing = pacing;
  }

  /**
   * Ends everything and starts nothing new. With `unregister` bindings are removed, paced, for at
   * most a minute; without, they stay. `done` is called once.
   */
  stop(unregister: boolean, done: () => void): void {
    assert(!this.#isStopping, 'the keeper is stopped once');
    this.#isStopping = true;
    this.#stopped = done;
    const { timers } = this.#ports;
    this.#sweeper.stop();
    if (!unregister) {
      this.#halt();
      return;
    }
    timers.arm(this.#stopTimer, after(this.#machinist.now(), STOP_LIMIT_MS));
    // One for this walk, so that nothing is over before it is.
    this.#unregistering = 1;
    for (const entry of this.#entries.values()) {
      const { name } = entry.state;
      if (name === 'off') continue;
      this.#unregistering += 1;
      if (name !== 'unregistering') this.#unregister(entry, STOP_LIMIT_MS, undefined);
    }
    this.#countDown();
  }

  /** Looks for registrations without a next step; done by itself every 10 s. */
  sweep(): void {
    this.#sweeper.sweep(this.#machinist.now());
  }

  *ids(): Generator<string> {
    for (const [id, entry] of this.#entries) if (entry.rare?.group === undefined) yield id;
    yield* this.#groups.ids();
  }

  snapshot(id: string): RegistrationSnapshot | undefined {
    const together = this.#groups.snapshot(id, this.#machinist.now());
    if (together !== undefined) return together;
    const entry = this.#entries.get(id);
    return entry === undefined ? undefined : snapshotOf(entry, this.#machinist.now());
  }

  counts(): ReadonlyMap<string, Readonly<Record<RegistrationState, number>>> {
    return this.#machinist.tally.counts;
  }

  otherBindings(): ReadonlyMap<string, number> {
    return this.#machinist.tally.otherBindings;
  }

  get paused(): ToldPause | undefined {
    return this.pause.told;
  }

  get stuck(): number {
    return this.#sweeper.stuck;
  }

  #repair(entry: Entry): void {
    this.#machinist.noticed(entry, STUCK, true);
    const isLeaving = entry.state.name === 'unregistering';
    this.#machinist.feed(entry, isLeaving ? { kind: 'expired' } : { kind: 'urge', isFresh: false });
  }

  #add(spec: RegistrationSpec, prepare: (entry: Entry) => void): void {
    const { attempts, fired } = this.#machinist;
    const now = this.#machinist.now();
    const registrar = attempts.registrarFor(spec);
    const entry = new Entry(spec, registrar, attempts.newCallId(), now, fired);
    countRefreshes(entry, spec.profile.expiresSec);
    this.#entries.set(spec.id, entry);
    prepare(entry);
    this.#sweeper.start(now);
    if (wantedAdmin(entry) === 'up') this.#machinist.feed(entry, { kind: 'start' });
    else this.#unregister(entry, 0, whyOff(entry));
  }

  #legGroups(): LegGroups {
    const host: LegHost = {
      entry: (id) => this.#entries.get(id),
      add: (spec, prepare) => this.#add(spec, prepare),
      change: (entry, spec) => this.#change(entry, spec),
      remove: (entry) => this.#remove(entry),
      follow: (entry) => this.#followAdmin(entry),
    };
    return new LegGroups(host, this.#machinist);
  }

  #entryOf(id: string): Entry {
    const entry = this.#entries.get(id);
    assert(entry !== undefined, `${id} is not kept`);
    return entry;
  }

  #followAdmin(entry: Entry): void {
    const { name } = entry.state;
    if (wantedAdmin(entry) !== 'up') {
      if (isKept(entry)) this.#unregister(entry, REMOVAL_LIMIT_MS, whyOff(entry));
    } else if (name === 'unregistering') {
      entry.fate = entry.fate === 'stay' ? entry.spec : entry.fate;
    } else if (name === 'off' && !this.#isStopping) {
      this.#machinist.feed(entry, { kind: 'start' });
    }
  }

  #unregister(entry: Entry, limitMs: number, why: Cause | undefined): void {
    const deadline = after(this.#machinist.now(), limitMs);
    const maybeBound = entry.place === 'exchange';
    this.#machinist.feed(entry, { kind: 'unregister', deadline, maybeBound, cause: why });
  }

  #renew(entry: Entry, spec: RegistrationSpec): void {
    entry.fate = spec;
    const { name } = entry.state;
    if (name === 'off') this.#finished(entry);
    else if (name !== 'unregistering') this.#unregister(entry, RENEWAL_LIMIT_MS, undefined);
  }

  /** An unregistration is over (or was not needed). */
  #finished(entry: Entry): void {
    const { fate } = entry;
    this.#machinist.flows.leave(entry);
    this.#machinist.bindings.forget(entry);
    if (this.#stopped !== undefined && this.#unregistering > 0) this.#countDown();
    if (fate === 'stay') return;
    if (fate === 'leave') {
      this.#forget(entry);
      return;
    }
    entry.fate = 'stay';
    this.#replace(entry, fate);
    if (wantedAdmin(entry) === 'up' && !this.#isStopping) {
      this.#machinist.feed(entry, { kind: 'start' });
    }
  }

  #forget(entry: Entry): void {
    const { spec, state } = entry;
    const { attempts, tally } = this.#machinist;
    this.#entries.delete(spec.id);
    attempts.forget(entry);
    this.#machinist.queries.abort(entry);
    endOverride(entry, this.#ports.timers);
    if (this.#groups.forgotten(entry)) return;
    tally.removed(spec.profile.contract, state.name);
    const at = this.#machinist.now();
    this.#machinist.publish({ type: 'registration.removed', at, spec, cause: state.cause });
  }

  /** As if it were new, but for its counters. */
  #replace(entry: Entry, spec: RegistrationSpec): void {
    const { attempts } = this.#machinist;
    attempts.forget(entry);
    this.#swap(entry, spec);
    entry.registrar = attempts.registrarFor(spec);
    countRefreshes(entry, spec.profile.expiresSec);
    attempts.renewCallId(entry);
    forgetAuth(entry);
    entry.contactPoint = undefined;
    entry.formerPoint = undefined;
    entry.boundAt = -1;
    entry.traits = 0;
  }

  #swap(entry: Entry, spec: RegistrationSpec): void {
    const { tally } = this.#machinist;
    if (entry.rare?.group === undefined) {
      tally.removed(entry.spec.profile.contract, entry.state.name);
      tally.added(spec.profile.contract, entry.state.name);
    }
    entry.spec = spec;
  }

  #countDown(): void {
    this.#unregistering -= 1;
    if (this.#unregistering === 0) this.#halt();
  }

  #halt(): void {
    const { timers } = this.#ports;
    timers.disarm(this.#stopTimer);
    this.#machinist.flows.stop();
    const { attempts } = this.#machinist;
    // Those in line first: whoever is taken off the wire makes room for the next in line.
    for (const entry of this.#entries.values()) {
      this.#machinist.queries.abort(entry);
      timers.disarm(entry.timer);
      if (entry.place !== 'exchange') attempts.cancel(entry);
    }
    for (const entry of this.#entries.values()) attempts.cancel(entry);
    const stopped = this.#stopped;
    this.#stopped = undefined;
    stopped?.();
  }
}
