/**
 * All probe units, each made once however many peer servers have the same way to the same target, and
 * stopped when the last of them leaves. Where several ways lead to one target (other domains on one
 * address), it also keeps their regular probes apart, so that the target is not asked more often than
 * it would be by one of them.
 */
import { after, type Instant } from '../base/instant.ts';
import { areSameCredentials, isSamePolicy } from '../sip/digest/same-credentials.ts';
import { type ProbeWay, wayKey } from './options-probe.ts';
import type { PeerServer } from './peer-server.ts';
import { ProbeUnit } from './probe-unit.ts';
import type { RegisterReport } from './register-reports.ts';
import type { Crowd, UnitPorts } from './unit-ports.ts';

/** Between two regular probes to one target, unless the interval is shorter. */
const LEAST_GAP_MS = 10_000;

const NO_UNITS: ReadonlySet<ProbeUnit> = new Set<ProbeUnit>();

export class UnitTable {
  readonly #ports: UnitPorts;
  /** How many ways are not asked while others tell of them, by mode. */
  readonly #listening = { idleOnly: 0, register: 0 };
  readonly #units = new Map<string, ProbeUnit>();
  #left: Set<ProbeUnit> | undefined;
  /** By target: its only unit, or the crowd of them. */
  readonly #byTarget = new Map<string, ProbeUnit | Crowd>();

  constructor(ports: Omit<UnitPorts, 'turn'>) {
    this.#ports = { ...ports, turn: (unit, at) => this.#turn(unit, at) };
  }

  /** How many ways are probed. */
  get size(): number {
    return this.#units.size;
  }

  units(): Iterable<ProbeUnit> {
    return this.#units.values();
  }

  /** Every unit with the same target, the given one among them, where there is more than one. */
  crowdOf(unit: ProbeUnit): ReadonlySet<ProbeUnit> {
    return unit.crowd?.units ?? NO_UNITS;
  }

  /**
   * The unit of a way, made and started when nobody had it; `count` units are started together, and
   * `old` is what the server has had for the same target. `release` gives it back.
   */
  acquire(way: ProbeWay, server: PeerServer, count: number, old: ProbeUnit | undefined): ProbeUnit {
    const { key, known } = this.#find(way);
    if (known !== undefined) {
      known.subscribers.add(server);
      return known;
    }
    const unit = new ProbeUnit(way, key, this.#ports);
    unit.subscribers.add(server);
    this.#units.set(key, unit);
    this.#count(unit, 1);
    this.#join(unit);
    unit.start(count, old);
    return unit;
  }

  /** Ways that differ in nothing but their credentials are numbered: no key holds a secret. */
  #find(way: ProbeWay): { readonly key: string; readonly known: ProbeUnit | undefined } {
    const base = wayKey(way);
    for (let number = 1; ; number += 1) {
      const key = number === 1 ? base : `${base} #${number}`;
      const known = this.#units.get(key);
      if (known === undefined) return { key, known };
      const isSame =
        areSameCredentials(known.way.credentials, way.credentials) &&
        isSamePolicy(known.way.digest, way.digest);
      if (isSame) return { key, known };
    }
  }

  release(unit: ProbeUnit, server: PeerServer): void {
    if (!unit.subscribers.delete(server) || unit.subscribers.size > 0) return;
    if (this.#left === undefined) this.#drop(unit);
    else this.#left.add(unit);
  }

  /** From now to `settle`, a unit that its last server has left is kept for another one: servers change names. */
  hold(): void {
    this.#left = new Set();
  }

  settle(): void {
    const left = this.#left ?? [];
    this.#left = undefined;
    for (const unit of left) if (unit.subscribers.size === 0) this.#drop(unit);
  }

  #drop(unit: ProbeUnit): void {
    unit.stop();
    this.#units.delete(unit.key);
    this.#count(unit, -1);
    const found = this.#byTarget.get(unit.targetKey);
    if (found === unit) this.#byTarget.delete(unit.targetKey);
    if (found === undefined || found instanceof ProbeUnit) return;
    found.units.delete(unit);
    unit.crowd = undefined;
    const [last] = found.units;
    if (found.units.size > 1 || last === undefined) return;
    last.crowd = undefined;
    this.#byTarget.set(unit.targetKey, last);
  }

  /** True while some way is not probed as long as its target is heard. */
  get wantsTraffic(): boolean {
    return this.#listening.idleOnly > 0;
  }

  /** True while some way is judged by how REGISTERs to its target end. */
  get wantsReports(): boolean {
    return this.#listening.register > 0;
  }

  /** Something came from the target of that key. */
  heard(key: string, at: Instant): void {
    for (const unit of this.#of(key)) if (unit.plan.mode === 'idleOnly') unit.heard(at);
  }

  registerEnded(report: RegisterReport): void {
    for (const unit of this.#of(report.target)) unit.registerEnded(report);
  }

  /** Asks what nothing is known of behind a proxy of ours. */
  hurryUnknown(proxy: string): void {
    for (const unit of this.#units.values()) {
      if (unit.target.via === proxy && unit.state.name === 'unknown') unit.hurry();
    }
  }

  stoodStill(ms: number): void {
    for (const unit of this.#units.values()) unit.stoodStill(ms);
  }

  /** Stops every unit; they can still be read. */
  stop(): void {
    for (const unit of this.#units.values()) unit.stop();
  }

  #of(key: string): Iterable<ProbeUnit> {
    const found = this.#byTarget.get(key);
    return found instanceof ProbeUnit ? [found] : (found?.units ?? []);
  }

  #count({ plan }: ProbeUnit, by: 1 | -1): void {
    if (plan.mode === 'idleOnly' || plan.mode === 'register') this.#listening[plan.mode] += by;
  }

  #join(unit: ProbeUnit): void {
    const { targetKey } = unit;
    const found = this.#byTarget.get(targetKey);
    if (found === undefined) {
      this.#byTarget.set(targetKey, unit);
      return;
    }
    let crowd: Crowd;
    if (found instanceof ProbeUnit) {
      crowd = { units: new Set([found]), freeAt: this.#ports.clock.now() };
      found.crowd = crowd;
      this.#byTarget.set(targetKey, crowd);
    } else crowd = found;
    crowd.units.add(unit);
    unit.crowd = crowd;
  }

  #turn({ crowd, plan }: ProbeUnit, at: Instant): Instant {
    if (crowd === undefined) return at;
    const turn = at < crowd.freeAt ? crowd.freeAt : at;
    crowd.freeAt = after(turn, Math.min(LEAST_GAP_MS, plan.intervalMs));
    return turn;
  }
}
