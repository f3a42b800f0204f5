/** The registrations with several legs: which legs there are, which may be up, what they say together. */

import type { Publish } from '../base/event-hub.ts';
import { after, type Instant } from '../base/instant.ts';
import { type Entry, rareOf } from './entry.ts';
import type { RegistrationEvent } from './events.ts';
import { LegGroup, legSpecs, mayBeUp, pairedLegSpecs } from './legs.ts';
import type { MachineState } from './machine-state.ts';
import type { Machinist } from './machinist.ts';
import type { RegistrationSnapshot } from './snapshot.ts';
import { nextAttemptAt, snapshotOf } from './snapshot-of.ts';
import type { RegistrationSpec } from './spec.ts';
import { compareSpecs } from './spec-change.ts';
import type { Tally } from './tally.ts';
import { changedEvent, countsAsLapse } from './told-change.ts';

/** What the keeper does for one leg. */
export interface LegHost {
  /** One that is kept, or on its way out. */
  entry(id: string): Entry | undefined;
  /** Begins to keep it; `prepare` is called before anything is sent. */
  add(spec: RegistrationSpec, prepare: (entry: Entry) => void): void;
  change(entry: Entry, spec: RegistrationSpec): void;
  remove(entry: Entry): void;
  /** Switches it on or off as it may be now. */
  follow(entry: Entry): void;
}

/** What it takes of the machinist, which steps the legs. */
type LegMachinist = Pick<Machinist, 'feed' | 'now' | 'publish' | 'tally'>;

export class LegGroups {
  readonly #groups = new Map<string, LegGroup>();
  readonly #host: LegHost;
  readonly #machinist: LegMachinist;
  readonly #tally: Tally;
  readonly #publish: Publish<RegistrationEvent>;

  constructor(host: LegHost, machinist: LegMachinist) {
    this.#host = host;
    this.#machinist = machinist;
    this.#tally = machinist.tally;
    this.#publish = (event) => machinist.publish(event);
  }

  /** Registers it again soon, although nothing failed. */
  #again(entry: Entry): void {
    this.#machinist.feed(entry, { kind: 'wayChanged', againAt: this.#machinist.now() });
  }

  ids(): Iterable<string> {
    return this.#groups.keys();
  }

  /** The legs of a registration; undefined where it has none. */
  entriesOf(id: string): readonly Entry[] | undefined {
    return this.#groups.get(id)?.entries;
  }

  /** True when it has legs, had some, or shall have them. */
  concerns({ id, profile }: RegistrationSpec): boolean {
    return profile.legs !== undefined || this.#groups.has(id);
  }

  /** Makes the legs be those of the spec: adds, changes and removes what differs. */
  apply(spec: RegistrationSpec): void {
    const group = this.#groups.get(spec.id) ?? this.#found(spec);
    const before = group.entries.filter(({ fate }) => fate !== 'leave');
    const legs =
      spec.profile.legs === undefined
        ? legSpecs(spec)
        : pairedLegSpecs(
            spec,
            before.map((entry) => entry.spec),
          );
    this.#move(group, spec);
    for (const entry of before) {
      if (!legs.some(({ id }) => id === entry.spec.id)) this.#leave(entry, legs);
    }
    // Before any of them changes all stand there: what is told is never the state of some of them.
    const known = legs.flatMap(({ id }) => this.#host.entry(id) ?? []);
    group.entries = [...known, ...group.entries.filter((entry) => !known.includes(entry))];
    for (const [index, leg] of legs.entries()) this.#applyLeg(group, leg, index);
    this.steer(group);
  }

  /** A leg is no longer kept; false when it is none. */
  forgotten(entry: Entry): boolean {
    const group = entry.rare?.group;
    if (group === undefined) return false;
    group.entries = group.entries.filter((one) => one !== entry);
    if (group.entries.length > 0) {
      this.told(group);
      return true;
    }
    const { spec, state } = group;
    this.#groups.delete(spec.id);
    this.#tally.removed(spec.profile.contract, state.name);
    const at = this.#machinist.now();
    this.#publish({ type: 'registration.removed', at, spec, cause: entry.state.cause });
    return true;
  }

  /** The state of a leg is another one: tells of the leg, and of the registration if that changed. */
  changed(group: LegGroup, entry: Entry, before: MachineState): void {
    const { state, spec } = entry;
    const bound = state.boundUntil !== undefined;
    const isSame = state.name === before.name && bound === (before.boundUntil !== undefined);
    if (isSame && state.cause?.code === before.cause?.code) return;
    this.#publish({
      type: 'registration.legChanged',
      at: this.#machinist.now(),
      spec: group.spec,
      leg: spec.id,
      from: before.name,
      state: state.name,
      bound,
      target: entry.gate?.key,
      cause: state.cause,
      nextAttemptAt: nextAttemptAt(entry),
    });
    if (before.name === 'unregistering' && state.name === 'off') this.#restore(group);
    this.told(group);
  }

  /**
   * Registrars that share their books know all legs by one Contact: the removal of one may have taken
   * the binding of the others away, which is made again at once.
   */
  #restore(group: LegGroup): void {
    for (const entry of group.entries) if (entry.state.name === 'registered') this.#again(entry);
  }

  /** Switches serial legs on and off, as those before them fare. */
  steer(group: LegGroup): void {
    for (const [index, entry] of group.entries.entries()) {
      const isStandby = !mayBeUp(group, index);
      const rare = rareOf(entry);
      if (rare.isStandby === isStandby || entry.fate === 'leave') continue;
      rare.isStandby = isStandby;
      this.#host.follow(entry);
    }
  }

  snapshot(id: string, now: Instant): RegistrationSnapshot | undefined {
    const group = this.#groups.get(id);
    const leading = group?.leading;
    if (group === undefined || leading === undefined) return undefined;
    const legs = group.entries.map((entry) => snapshotOf(entry, now));
    const sum = (read: (row: RegistrationSnapshot) => number) =>
      legs.reduce((total, row) => total + read(row), 0);
    return {
      ...snapshotOf(leading, now),
      spec: group.spec,
      bound: legs.some(({ bound }) => bound),
      since: group.state.since,
      counters: {
        attempts: sum(({ counters }) => counters.attempts),
        requests: sum(({ counters }) => counters.requests),
        succeeded: sum(({ counters }) => counters.succeeded),
        failed: sum(({ counters }) => counters.failed),
        lapses: group.lapses,
      },
      ...(group.spec.profile.legs === undefined ? undefined : { legs }),
    };
  }

  /** Tells of the registration where its legs together are in another state now. */
  told(group: LegGroup): void {
    const at = this.#machinist.now();
    const before = group.refresh(at);
    const { spec, state, leading } = group;
    if (before === undefined || leading === undefined) return;
    const { name, bound } = state;
    const isLapse = before.bound && !bound && countsAsLapse(leading, before.name, name);
    if (isLapse) group.lapses += 1;
    this.#tally.moved(spec.profile.contract, before.name, name);
    const change = { spec, from: before.name, state: name, bound, isLapse };
    this.#publish(changedEvent(leading, at, change));
  }

  /** A group for a new registration, or around the one entry that it had until now. */
  #found(spec: RegistrationSpec): LegGroup {
    const group = new LegGroup(spec, after(this.#machinist.now(), 0));
    const only = this.#host.entry(spec.id);
    if (only !== undefined) {
      this.#tally.removed(only.spec.profile.contract, only.state.name);
      rareOf(only).group = group;
      group.entries = [only];
      group.refresh(this.#machinist.now());
    }
    this.#tally.added(spec.profile.contract, group.state.name);
    this.#groups.set(spec.id, group);
    return group;
  }

  #move(group: LegGroup, spec: RegistrationSpec): void {
    this.#tally.removed(group.spec.profile.contract, group.state.name);
    this.#tally.added(spec.profile.contract, group.state.name);
    group.spec = spec;
  }

  /** `index`: its place among the legs, those before it being there already. */
  #applyLeg(group: LegGroup, leg: RegistrationSpec, index: number): void {
    const known = this.#host.entry(leg.id);
    if (known !== undefined) {
      rareOf(known).group = group;
      this.#host.change(known, leg);
      return;
    }
    this.#host.add(leg, (entry) => {
      const rare = rareOf(entry);
      rare.group = group;
      group.entries.splice(index, 0, entry);
      rare.isStandby = !mayBeUp(group, index);
    });
  }

  /** Not unregistered where a leg that stays has the very binding: the removal would take it away. */
  #leave(entry: Entry, legs: readonly RegistrationSpec[]): void {
    const { spec } = entry;
    if (legs.some((leg) => !compareSpecs(spec, leg).needsNewBinding)) {
      entry.spec = { ...spec, profile: { ...spec.profile, onRemove: 'keep' } };
    }
    this.#host.remove(entry);
  }
}
