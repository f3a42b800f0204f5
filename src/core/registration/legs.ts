/**
 * One registration that is kept by several bindings at once: at several registrars, or (RFC 5626
 * section 4.2) over several flows. Each binding is a leg: an entry of its own, with its Call-ID,
 * CSeq, machine and pace. What is shown and told to others is the registration: bound while any
 * leg is. An ordinary registration has no group, and pays nothing for this.
 *
 * The first leg has the id of the registration, the others `id#2`, `id#3`: `#` is in no id.
 */
import type { Instant } from '../base/instant.ts';
import { type Target, targetKey } from '../sip/locate/target.ts';
import { type Entry, hasTrait, TRAIT } from './entry.ts';
import type { RegistrationState } from './events.ts';
import type { MachineState } from './machine-state.ts';
import type { RegistrationProfile, RegistrationSpec } from './spec.ts';
import { compareSpecs } from './spec-change.ts';

/** The specs of its legs, first of all the one with its own id; the spec itself where it has none. */
export function legSpecs(spec: RegistrationSpec): readonly RegistrationSpec[] {
  const { legs } = spec.profile;
  if (legs === undefined) return [spec];
  return legs.profiles.map((profile, index) => legSpec(spec, legId(spec.id, index + 1), profile));
}

/**
 * The same for a registration that is kept already: a leg whose binding stays keeps its id, in
 * whatever place of the list it stands now; the others take the ids that are left.
 */
export function pairedLegSpecs(
  spec: RegistrationSpec,
  before: readonly RegistrationSpec[],
): readonly RegistrationSpec[] {
  const free = new Map(before.map((one) => [one.id, one]));
  const wanted = legSpecs(spec);
  const kept = wanted.map((leg) => {
    for (const [id, old] of free) {
      const { needsNewBinding } = compareSpecs(old, leg);
      if (needsNewBinding) continue;
      free.delete(id);
      return id;
    }
    return undefined;
  });
  const ids = [...new Set([...free.keys(), ...wanted.map(({ id }) => id), ...spareIds(spec)])];
  const left = ids.filter((id) => !kept.includes(id));
  return wanted.map((leg, index) =>
    legSpec(spec, kept[index] ?? left.shift() ?? leg.id, leg.profile),
  );
}

function spareIds({ id, profile }: RegistrationSpec): readonly string[] {
  const count = profile.legs?.profiles.length ?? 0;
  return Array.from({ length: 2 * count }, (_, index) => legId(id, index + 1));
}

function legId(id: string, number: number): string {
  return number === 1 ? id : `${id}#${number}`;
}

/** Which leg of its registration it is, from 1; it tells the flows of one instance apart (`reg-id`). */
export function legNumber({ id }: RegistrationSpec): number {
  const mark = id.indexOf('#');
  return mark < 0 ? 1 : Number(id.slice(mark + 1));
}

function legSpec(
  spec: RegistrationSpec,
  id: string,
  profile: RegistrationProfile,
): RegistrationSpec {
  return { ...spec, id, profile };
}

/** What is known of all legs together. */
export interface GroupState {
  readonly name: RegistrationState;
  readonly bound: boolean;
  readonly since: Instant;
}

export class LegGroup {
  spec: RegistrationSpec;
  /** In the order of the configuration; those that only leave stand last. */
  entries: Entry[] = [];
  state: GroupState;
  /** Times that the last binding ended while one was wanted. */
  lapses = 0;

  constructor(spec: RegistrationSpec, now: Instant) {
    this.spec = spec;
    this.state = { name: 'idle', bound: false, since: now };
  }

  /** The leg whose state is that of the registration. */
  get leading(): Entry | undefined {
    let best: Entry | undefined;
    for (const entry of this.entries) {
      if (best === undefined || rankOf(entry) < rankOf(best)) best = entry;
    }
    return best;
  }

  /** Reads the legs again; the state before where it is another now. */
  refresh(now: Instant): GroupState | undefined {
    const before = this.state;
    const name = this.leading?.state.name ?? 'off';
    const bound = this.entries.some(({ state }) => state.boundUntil !== undefined);
    if (name === before.name && bound === before.bound) return undefined;
    this.state = { name, bound, since: name === before.name ? before.since : now };
    return before;
  }
}

/** The better a state, the lower: what one leg has suffices. */
const RANKS: Readonly<Record<RegistrationState, number>> = {
  registered: 0,
  refreshFailing: 1,
  registering: 2,
  unregistering: 3,
  waiting: 4,
  rejected: 5,
  idle: 6,
  off: 7,
};

function rankOf({ state }: Entry): number {
  const unbound = state.boundUntil === undefined ? RANKS.off + 1 : 0;
  return RANKS[state.name] + unbound;
}

/** From so many failures in a row on, a living binding does not hold the next registrar back. */
const FAILURES = 2;

/**
 * Serial legs: which of them may be up. The first, and each whose forerunners all fail; once one of
 * these is bound again, those behind it go. What is bound stays until then, also where those before it
 * have only begun, as after a reload.
 */
export function mayBeUp(group: LegGroup, index: number): boolean {
  const mode = group.spec.profile.legs?.mode;
  if (mode === 'flows') return index === 0 || group.entries.some(hasFlow);
  if (mode !== 'serial') return true;
  const isHeld = group.entries[index]?.state.boundUntil !== undefined;
  return group.entries
    .slice(0, index)
    .every(({ state }) => isFailing(state) || (isHeld && state.boundUntil === undefined));
}

/** It is bound over a flow of its own: the registrar tells it from others of the same instance. */
function hasFlow(entry: Entry): boolean {
  return entry.state.boundUntil !== undefined && hasTrait(entry, TRAIT.hasOutbound);
}

/**
 * The targets for one of several flows: without those that the other flows of its registration use, unless there
 * are no others (RFC 5626 section 4.2.1: a flow to each of the outbound proxies).
 */
export function apart(entry: Entry, targets: readonly Target[]): readonly Target[] {
  const group = entry.rare?.group;
  if (group?.spec.profile.legs?.mode !== 'flows') return targets;
  const others = group.entries.filter((other) => other !== entry && other.state.name !== 'off');
  const taken = new Set(others.map(({ gate }) => gate?.key));
  const free = targets.filter((target) => !taken.has(targetKey(target)));
  return free.length === 0 ? targets : free;
}

function isFailing({ name, failures, cause }: MachineState): boolean {
  if (name === 'waiting' || name === 'rejected') return true;
  return name === 'refreshFailing' && (failures >= FAILURES || cause?.code === 'target.dead');
}
