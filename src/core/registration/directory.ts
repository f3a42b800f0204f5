/** The registrars and targets that registrations share; each lives as long as somebody uses it. */
import { after, elapsedMs, type Instant, instant, later } from '../base/instant.ts';
import type { NextHop, Target } from '../sip/locate/target.ts';
import { hopKey, targetKey } from '../sip/locate/target.ts';
import { registrarMoved } from './causes.ts';
import type { Entry } from './entry.ts';
import type { GateUser } from './gate-user.ts';
import { type GuardUser, LockoutGuard } from './lockout-guard.ts';
import { countRefreshes, joinRegistrar, type Registrar } from './registrar.ts';
import { type ChoiceView, countOthers, firstTarget, nextTarget } from './target-choice.ts';
import { TargetGate } from './target-gate.ts';

/** An answer that is over is asked for again, though nobody is due; not more often than this. */
export const LOOK_AGAIN_MS = 60_000;
/** A name whose addresses take turns is told of once in a while. */
const TELL_OF_MOVES_EVERY_MS = 600_000;

export class Directory {
  readonly #user: GateUser & GuardUser;
  readonly #gates = new Map<string, TargetGate>();
  readonly #registrars = new Map<string, Registrar>();

  constructor(user: GateUser & GuardUser) {
    this.#user = user;
  }

  /** The record that registrations with the same hop share; it counts one more of them. */
  registrarFor(hop: NextHop): Registrar {
    const key = hopKey(hop);
    let registrar = this.#registrars.get(key);
    if (registrar === undefined) {
      const guard = new LockoutGuard(hop.host, this.#user);
      registrar = {
        ...{ key, hop, guard, population: 0, refreshesPerSec: 0 },
        ...{ targets: undefined, targetsUntil: undefined, lookAgainAt: undefined },
        ...{ movedAt: instant(0), toldOfMoveAt: undefined },
        ...{ slots: undefined, toldOfAuth: undefined, noOutboundUntil: instant(0) },
      };
      this.#registrars.set(key, registrar);
    }
    joinRegistrar(registrar);
    return registrar;
  }

  forget(entry: Entry): void {
    const { registrar } = entry;
    countRefreshes(entry, 0);
    registrar.population -= 1;
    if (registrar.population === 0) this.#registrars.delete(registrar.key);
    this.#adopt(entry, undefined);
  }

  /** Takes what the locator says of a registrar; true when it is somewhere else than before. */
  located(entry: Entry, targets: readonly Target[], until: Instant | undefined): boolean {
    const { registrar } = entry;
    const now = this.#user.clock.now();
    registrar.targetsUntil = until;
    registrar.lookAgainAt = until && later(until, after(now, LOOK_AGAIN_MS));
    const before = registrar.targets;
    if (before === targets) return false;
    registrar.targets = targets;
    if (before === undefined) return false;
    const came = keysBesides(targets, before);
    const gone = keysBesides(before, targets);
    if (came.length + gone.length === 0) return false;
    registrar.movedAt = now;
    const { toldOfMoveAt } = registrar;
    if (toldOfMoveAt === undefined || elapsedMs(toldOfMoveAt, now) > TELL_OF_MOVES_EVERY_MS) {
      registrar.toldOfMoveAt = now;
      this.#user.noticed(entry, registrarMoved(registrar.hop.host, came, gone));
    }
    return true;
  }

  /** Everybody who waits for the end of the pause follows. */
  resumed(): void {
    for (const { guard } of this.#registrars.values()) guard.resumed();
  }

  /** The gates of what lies behind a proxy of ours. */
  behind(proxy: string): readonly TargetGate[] {
    return [...this.#gates.values()].filter(({ target }) => target.via === proxy);
  }

  /** The gate of the target that a try begins with. */
  firstGate(entry: Entry, targets: readonly Target[]): TargetGate {
    const [only] = targets;
    const { gate } = entry;
    // The usual case, at no cost.
    if (targets.length === 1 && gate !== undefined && gate.target === only) return gate;
    return this.#take(entry, firstTarget(entry, targets, this.#view()), targets);
  }

  /** The gate of the next target of the same try; undefined when all that are open were tried. */
  nextGate(entry: Entry): TargetGate | undefined {
    const { targets = [] } = entry.registrar;
    const { course } = entry;
    const target = course && nextTarget(targets, course, this.#view());
    return target && this.#take(entry, target, targets);
  }

  /** How many other targets the same try could still go to. */
  othersOf(entry: Entry, { target }: TargetGate): number {
    const { targets = [] } = entry.registrar;
    return countOthers(target, targets, entry.course, this.#view());
  }

  /** True when one of its targets is not known as dead or busy. */
  hasOpen({ targets = [] }: Registrar): boolean {
    return targets.some((target) => this.#gateAt(target)?.isClosed !== true);
  }

  /** Those that wait before closed targets, and could go to an open one. */
  stranded(): readonly Entry[] {
    const open = new Map<Registrar, boolean>();
    const hasOpen = (registrar: Registrar): boolean => {
      const known = open.get(registrar) ?? this.hasOpen(registrar);
      open.set(registrar, known);
      return known;
    };
    return [...this.#gates.values()]
      .filter((gate) => gate.isClosed)
      .flatMap((gate) => gate.waiting.filter(({ registrar }) => hasOpen(registrar)));
  }

  /** Lets every line move that can, and forgets targets that nobody needs; every second. */
  nudge(): void {
    const now = this.#user.clock.now();
    for (const gate of this.#gates.values()) {
      gate.nudge();
      if (gate.isUnused(now)) this.#gates.delete(gate.key);
    }
  }

  #take(entry: Entry, target: Target, targets: readonly Target[]): TargetGate {
    const gate = this.#gateOf(target);
    if (entry.spec.profile.sourceCheck === 'set') {
      gate.addresses = targets.map(({ address }) => address);
    }
    this.#adopt(entry, gate);
    return gate;
  }

  #view(): ChoiceView {
    const { clock, random } = this.#user;
    return { now: clock.now(), random, gateAt: this.#gateAt };
  }

  readonly #gateAt = (target: Target): TargetGate | undefined => this.#gates.get(targetKey(target));

  #gateOf(target: Target): TargetGate {
    const key = targetKey(target);
    const known = this.#gates.get(key);
    if (known !== undefined) return known;
    const gate = new TargetGate(key, target, this.#user);
    this.#gates.set(key, gate);
    return gate;
  }

  #adopt(entry: Entry, gate: TargetGate | undefined): void {
    const former = entry.gate;
    if (former === gate) return;
    entry.gate = gate;
    if (gate !== undefined) gate.users += 1;
    if (former === undefined) return;
    former.users -= 1;
    former.leftOut.forget(entry);
    if (former.isUnused(this.#user.clock.now())) this.#gates.delete(former.key);
  }
}

/** The targets of one list that the other one lacks. */
function keysBesides(some: readonly Target[], others: readonly Target[]): readonly string[] {
  const known = new Set(others.map(targetKey));
  return some.map(targetKey).filter((key) => !known.has(key));
}
