/**
 * What the keeper holds for one registration. There may be 100,000 of these: few fields, everything
 * shareable shared, instants in whole milliseconds (which engines store without a box).
 */
import type { Instant } from '../base/instant.ts';
import { Timer } from '../base/timer-queue.ts';
import type { DigestSession } from '../sip/digest/session.ts';
import type { Flow } from '../sip/transport/ports.ts';
import type { Exchange } from '../sip/user-agent/ports.ts';
import type { BoundFlow } from './bound-flows.ts';
import type { Course } from './course.ts';
import { initialState, type MachineState } from './machine-state.ts';
import { Rare } from './rare.ts';
import type { Registrar } from './registrar.ts';
import type { RegistrationSpec } from './spec.ts';
import type { TargetGate } from './target-gate.ts';

/** Where the next step of a registration comes from; `nowhere` is right only while it is off. */
export type Place =
  | 'nowhere'
  /** Its timer is armed for the next try. */
  | 'timer'
  /** The locator was asked. */
  | 'locating'
  /** In the line of a registrar that refuses everybody. */
  | 'guarded'
  /** In the line of its target. */
  | 'line'
  /** A request is under way. */
  | 'exchange';

/** A connection of ours, or, for one of a proxy of ours, the gate of the target that it leads to. */
export type Carrier = Flow | TargetGate;

/** What happens when an unregistration is over: it stays off, it goes, or it begins anew. */
export type Fate = 'stay' | 'leave' | RegistrationSpec;

export class Entry {
  spec: RegistrationSpec;
  state: MachineState;
  registrar: Registrar;
  readonly timer: Timer;
  place: Place = 'nowhere';
  /** When `place` changed last; for the sweeper. */
  placedAt: Instant;
  /** Of the last attempt. */
  gate: TargetGate | undefined;
  exchange: Exchange | undefined;
  /** While one try goes on to further targets, after the first one failed. */
  course: Course | undefined;
  /** The flow over which it is bound. */
  way: BoundFlow | undefined;
  session: DigestSession | undefined;
  fate: Fate = 'stay';
  callId: string;
  cseq = 0;
  /** Host, port and parameters of the Contact that was sent last. */
  contactPoint: string | undefined;
  /** That of the living binding, where we are reached at another address now: it is removed with the next one. */
  formerPoint: string | undefined;
  /** Rises with each attempt, so that what belongs to an earlier one is recognised. */
  attempts = 0;
  requests = 0;
  succeeded = 0;
  failed = 0;
  lapses = 0;
  lastCode = 0;
  lastReason = '';
  /** When it was bound last; -1: never. */
  boundAt: number = -1;
  /** The second for which its refresh is counted; -1: none. */
  slot = -1;
  /** The time between two of its refreshes as its registrar counts it; 0: not counted. */
  periodSec = 0;
  /** `TRAIT` bits. */
  traits = 0;
  /** What only few have: see `rareOf`. */
  rare: Rare | undefined;
  /** For the heap that it waits in. */
  position = -1;
  rank = 0;

  constructor(
    spec: RegistrationSpec,
    registrar: Registrar,
    callId: string,
    now: Instant,
    fire: (entry: Entry, now: Instant) => void,
  ) {
    this.spec = spec;
    this.registrar = registrar;
    this.callId = callId;
    this.state = initialState(now);
    this.placedAt = now;
    this.timer = new Timer((at) => fire(this, at));
  }
}

export const TRAIT = {
  /** It waited for a dead target: its first refresh is spread, as after a start. */
  held: 1,
  /** An operator asked for the try: no guard delays it. */
  forced: 2,
  /** What an operator was told already and need not hear at each refresh. */
  toldRewritten: 4,
  toldShortest: 8,
  toldShortGrant: 16,
  /** The request under way, or the last one, offered outbound (RFC 5626). */
  offersOutbound: 32,
  /** The registrar put outbound in force with the last grant. */
  hasOutbound: 64,
  toldWrongProof: 128,
  /** Bindings of others were told, Contacts of ours that are not listed, and old ones were removed once. */
  toldOthers: 256,
  toldMissing: 512,
  triedStale: 1024,
} as const;

export function hasTrait(entry: Entry, trait: number): boolean {
  return (entry.traits & trait) !== 0;
}

export function setTrait(entry: Entry, trait: number, isSet: boolean): void {
  entry.traits = isSet ? entry.traits | trait : entry.traits & ~trait;
}

/** True when it holds now and did not before: what is told or done once, not at each refresh. */
export function turnsOn(entry: Entry, trait: number, holds: boolean): boolean {
  const isNews = holds && !hasTrait(entry, trait);
  setTrait(entry, trait, holds);
  return isNews;
}

/** Its side object, made now if it has none. */
export function rareOf(entry: Entry): Rare {
  entry.rare ??= new Rare();
  return entry.rare;
}

/** Nonces of former credentials, and where they led. */
export function forgetAuth(entry: Entry): void {
  entry.session = undefined;
  if (entry.rare === undefined) return;
  entry.rare.trail = undefined;
  entry.rare.usesNext = false;
}

/** The id by which people know it: that of the registration whose leg it is. */
export function registrationId({ rare, spec }: Entry): string {
  return rare?.group?.spec.id ?? spec.id;
}

/** Where its last attempt went, for texts; before the first one the host that it is configured for. */
export function targetName({ gate, spec }: Entry): string {
  return gate?.key ?? spec.profile.hop.host;
}

/** Order in a line: by rank, then as it came. */
export function goesBefore(a: Entry, b: Entry): boolean {
  return a.rank < b.rank;
}
