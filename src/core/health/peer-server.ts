/**
 * One peer server as the prober keeps it, with what it shows of itself. The prober and its helpers alone
 * change it.
 */
import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import { Timer } from '../base/timer-queue.ts';
import type { Target } from '../sip/locate/target.ts';
import type { ContractPool } from './contract-pool.ts';
import { FlapDamper } from './damping.ts';
import { effectiveAdmin, OrderSlot } from './order.ts';
import { isProbed, isTargetEnabled, type PeerWord, rankOf, wordOf } from './peer-word.ts';
import type { ProbeUnit } from './probe-unit.ts';
import type { RegisteredWay, Requirement } from './requirements.ts';
import { shareOf } from './slow-start.ts';
import type { Freeze, PeerServerSnapshot } from './snapshot.ts';
import type { Admin, PeerServerSpec } from './spec.ts';
import { causesOf } from './word-causes.ts';

/** What a server asks of its keeper. */
export interface ServerHost {
  now(): Instant;
  /** Its name is to be asked again. */
  relocate(server: PeerServer): void;
  /** Its word has to be weighed again, though nothing happened: time went by. */
  settle(server: PeerServer): void;
  /** Set while verdicts are frozen. */
  readonly freeze: Freeze | undefined;
  registeredWayOf(server: PeerServer): RegisteredWay | undefined;
  requirementOf(server: PeerServer): Requirement;
  requirementCauses(server: PeerServer): readonly Cause[];
}

export class PeerServer {
  spec: PeerServerSpec;
  readonly pool: ContractPool;
  readonly host: ServerHost;
  /** What an operator ordered for this one. */
  readonly orderSlot: OrderSlot = new OrderSlot();
  units: readonly ProbeUnit[] = [];
  targets: readonly Target[] | undefined;
  /** Why the name did not resolve when it was asked last. */
  lookupFault: Fault | undefined;
  /** The way of the registration that its probes take. */
  registered: RegisteredWay | undefined;
  /** When the name is to be asked again. */
  readonly locateTimer: Timer;
  /** When its word changes by itself: a share of slow start, the end of a hold. */
  readonly wordTimer: Timer;
  /** Counts questions, so that the answer to an older one is known as late. */
  locateSerial = 0;
  /** With how many others it began. */
  startCount = 1;
  word: PeerWord;
  since: Instant;
  /** When it was enabled again, while its slow start lasts. */
  backSince: Instant | undefined;
  /** Good for calls, whatever the others of its contract are; counted by the pool. */
  isCountedSound = false;
  /** Registrations that it requires are not bound, as known before a freeze. */
  isUnmet = false;
  /** Made when it goes down for the first time. */
  damper: FlapDamper | undefined;
  /** The `sequence` in which consumers were told of it last, and what. */
  changedIn = 0;
  told = '';

  constructor(spec: PeerServerSpec, pool: ContractPool, host: ServerHost) {
    this.spec = spec;
    this.pool = pool;
    this.host = host;
    this.since = host.now();
    this.locateTimer = new Timer(() => host.relocate(this));
    this.wordTimer = new Timer(() => host.settle(this));
    this.word = this.currentWord();
  }

  get admin(): Admin {
    const contract = { configured: this.pool.spec.admin, order: this.pool.orderSlot.order };
    return effectiveAdmin(contract, {
      configured: this.spec.admin,
      order: this.orderSlot.order,
    });
  }

  get isProbed(): boolean {
    return isProbed(this.spec, this.admin);
  }

  /** Until when its way up is barred, since it flaps; undefined: it is not. */
  get barredUntil(): Instant | undefined {
    if (this.spec.hasDamping === false) return undefined;
    return this.damper?.barredUntil(this.host.now());
  }

  get weight(): number {
    const { weight, slowStartMs } = this.spec;
    const share = shareOf(this.backSince, slowStartMs ?? 0, this.host.now());
    return Math.round(weight * share * 100) / 100;
  }

  currentWord(): PeerWord {
    const targets = this.units.map((unit) => unit.state);
    return wordOf({
      spec: this.spec,
      admin: this.admin,
      targets,
      isLost: this.lookupFault !== undefined && targets.length === 0,
      requirement: this.host.requirementOf(this),
      isHeldBack: this.barredUntil !== undefined && this.pool.hasSound,
      isTryAll: this.pool.isTryAll,
    });
  }

  /** Damping counts changes; those that people, names or registrations cause are none. */
  countFlap(now: Instant): void {
    this.damper ??= new FlapDamper();
    this.damper.count(now);
  }

  /** The earliest of its targets' probes, or when its name is asked again. */
  get nextProbeAt(): Instant | undefined {
    let earliest: Instant | undefined;
    for (const { nextProbeAt } of this.units) {
      if (nextProbeAt !== undefined && (earliest === undefined || nextProbeAt < earliest)) {
        earliest = nextProbeAt;
      }
    }
    if (earliest !== undefined || !this.locateTimer.isArmed) return earliest;
    return this.locateTimer.deadline;
  }

  /** Everything that consumers are told, as one text to be compared. */
  get tellable(): string {
    const { word, spec, units, weight } = this;
    const targets = units.map((unit) => `${unit.targetKey}=${unit.state.name}`);
    return `${rankOf(word)} ${word.state} ${spec.priority} ${weight} ${targets.join(' ')}`;
  }

  snapshot(): PeerServerSnapshot {
    const { spec, word, units } = this;
    const { state, enabled, lastResort } = word;
    const best = units.find((unit) => unit.state.name === state) ?? units[0];
    const causes = causesOf(this);
    return {
      spec,
      state,
      enabled,
      lastResort,
      rank: rankOf(word),
      weight: this.weight,
      admin: this.admin,
      order: this.orderSlot.order,
      since: this.since,
      cause: causes[0],
      causes,
      changedIn: this.changedIn,
      rttMs: best?.rttMs,
      isPartial: word.isPartial,
      targets: units.map((unit) => unit.snapshot(isTargetEnabled(unit.state, word))),
      nextProbeAt: this.nextProbeAt,
    };
  }
}
