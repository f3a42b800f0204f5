/**
 * All probe units, each made once however many peer servers have the same way to the same target, and
 * stopped when the last of them leaves. Where several ways lead to one target (other domains on one
 * address), it also keeps their regular probes apart, so that the target is not asked more often than
 * it would be by one of them.
 */
import { after, type Instant } from '../base/instant.ts';
import { targetKey } from '../sip/locate/target.ts';
import { type ProbeWay, wayKey } from './options-probe.ts';
import { ProbeUnit, type UnitPorts } from './probe-unit.ts';

/** Between two regular probes to one target, unless the interval is shorter. */
const LEAST_GAP_MS = 10_000;

interface Held<S> {
  readonly unit: ProbeUnit;
  /** The peer servers that share the unit. */
  readonly subscribers: Set<S>;
}

interface TargetTurns {
  readonly units: Set<ProbeUnit>;
  /** The first moment that no regular probe of any of the units has taken yet. */
  freeAt: Instant;
}

const NOBODY: ReadonlySet<never> = new Set<never>();
const NO_UNITS: ReadonlySet<ProbeUnit> = new Set<ProbeUnit>();

export class UnitTable<S> {
  readonly #ports: UnitPorts;
  readonly #held = new Map<string, Held<S>>();
  readonly #byTarget = new Map<string, TargetTurns>();

  constructor(ports: Omit<UnitPorts, 'turn'>) {
    this.#ports = { ...ports, turn: (unit, at) => this.#turn(unit, at) };
  }

  /** How many ways are probed. */
  get size(): number {
    return this.#held.size;
  }

  subscribersOf(unit: ProbeUnit): ReadonlySet<S> {
    return this.#held.get(unit.key)?.subscribers ?? NOBODY;
  }

  /** Every unit with the same target, the given one among them. */
  atTargetOf(unit: ProbeUnit): ReadonlySet<ProbeUnit> {
    return this.#byTarget.get(unit.targetKey)?.units ?? NO_UNITS;
  }

  /**
   * The unit of a way, made and started when nobody had it; `count` units are started together, and
   * `old` is what the subscriber has had for the same target. `release` gives it back.
   */
  acquire(way: ProbeWay, subscriber: S, count: number, old: ProbeUnit | undefined): ProbeUnit {
    const key = wayKey(way);
    const known = this.#held.get(key);
    if (known !== undefined) {
      known.subscribers.add(subscriber);
      return known.unit;
    }
    const unit = new ProbeUnit(way, key, this.#ports);
    this.#held.set(key, { unit, subscribers: new Set([subscriber]) });
    const turns = this.#byTarget.get(unit.targetKey);
    if (turns !== undefined) turns.units.add(unit);
    else {
      const freeAt = this.#ports.clock.now();
      this.#byTarget.set(targetKey(way.target), { units: new Set([unit]), freeAt });
    }
    unit.start(count, old);
    return unit;
  }

  release(unit: ProbeUnit, subscriber: S): void {
    const held = this.#held.get(unit.key);
    if (held === undefined || !held.subscribers.delete(subscriber)) return;
    if (held.subscribers.size > 0) return;
    unit.stop();
    this.#held.delete(unit.key);
    const turns = this.#byTarget.get(unit.targetKey);
    if (turns === undefined) return;
    turns.units.delete(unit);
    if (turns.units.size === 0) this.#byTarget.delete(unit.targetKey);
  }

  /** Stops every unit; they can still be read. */
  stop(): void {
    for (const { unit } of this.#held.values()) unit.stop();
  }

  #turn(unit: ProbeUnit, at: Instant): Instant {
    const turns = this.#byTarget.get(unit.targetKey);
    if (turns === undefined || turns.units.size < 2) return at;
    const turn = at < turns.freeAt ? turns.freeAt : at;
    turns.freeAt = after(turn, Math.min(LEAST_GAP_MS, unit.plan.intervalMs));
    return turn;
  }
}
