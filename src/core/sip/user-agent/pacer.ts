/**
 * Keeper of the pace towards each target: one token bucket and one window of unanswered exchanges
 * for requests of all kinds (design.md 3 and 6, `pacing`). Never more than rate x t + burst in any
 * window of t seconds; who waits goes by priority, then by deadline.
 */
import type { Clock } from '../../base/clock.ts';
import { Heap } from '../../base/heap.ts';
import { after, elapsedMs, type Instant } from '../../base/instant.ts';
import { Timer, type TimerQueue } from '../../base/timer-queue.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { PacerPort, PacerTicket, PacingSpec, Priority } from './ports.ts';
import { PRIORITY } from './ports.ts';

/** Exchanges that may be unanswered at one target before new ones wait. */
export const WINDOW_EXCHANGES = 256;
/**
 * The same while the answers of the target come promptly (within 200 ms): 500 a second go through at least, and
 * what is more would only wait in buffers, while all that belongs to it gets old in the heap.
 */
export const PROMPT_WINDOW_EXCHANGES = 96;
/**
 * One answer in so many that comes later, or not at all, makes the window wide: its exchange keeps a place for
 * half a second and longer. A process that stood still sees some hundred of them at once, and soon forgets that.
 */
const LATE_WEIGHT = 16;
const MOST_PROMPTNESS = 64;
/** A target that nothing waits for is forgotten after this, its bucket being full again. */
const IDLE_MS = 600_000;
const MAX_TARGETS = 50_000;
const ADJUST_EVERY_MS = 10_000;
const HALVE_AT_MOST_EVERY_MS = 5_000;
const GROWTH = 1.1;
/** The rate never falls below this share of what is configured. */
const FLOOR_SHARE = 1 / 8;

/** One who waits for leave to send. */
interface Wish {
  readonly priority: Priority;
  readonly deadline: Instant;
  readonly grant: () => void;
  readonly order: number;
  position: number;
}

interface Lane {
  readonly bucket: TokenBucket;
  readonly line: Heap<Wish>;
  readonly timer: Timer;
  /** Exchanges granted and not yet released. */
  open: number;
  /** Rises with each prompt answer; below zero the window is wide. */
  promptness: number;
  usedAt: Instant;
  halvedAt: Instant;
  adjustedAt: Instant;
  quickAnswers: number;
  usualAnswers: number;
  /** Of both kinds since the pace was halved or grew last. */
  answers: number;
  silences: number;
}

/** Within it the daemon's timers are collected; a burst that does not cover it needs prompt ones. */
const LONGEST_TICK_SEC = 0.05;

/** What the answers of a target say about its load. */
export type PaceSignal =
  | 'prompt'
  | 'quick'
  /** Not quick, but as this target always answers: its way is long, and nothing is wrong. */
  | 'usual'
  | 'slow'
  | 'silent'
  | 'overloaded';

export class Pacer implements PacerPort {
  readonly #lanes = new Map<string, Lane>();
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  #pacing: PacingSpec;
  readonly #idleTimer: Timer;
  #arrivals = 0;
  #lastTarget: string | undefined;
  #lastLane: Lane | undefined;

  constructor(ports: {
    readonly clock: Clock;
    readonly timers: TimerQueue;
    readonly pacing: PacingSpec;
  }) {
    this.#clock = ports.clock;
    this.#timers = ports.timers;
    this.#pacing = ports.pacing;
    this.#idleTimer = new Timer((now) => this.#forgetIdle(now));
  }

  /** Takes effect at once for every target; what was learnt about single targets is forgotten. */
  setPacing(pacing: PacingSpec): void {
    const now = this.#clock.now();
    this.#pacing = pacing;
    for (const lane of this.#lanes.values()) {
      lane.bucket.setRate(pacing.perTarget, now);
      this.#drain(lane, now);
    }
  }

  /** Requests that wait for their turn, over all targets. */
  get waiting(): number {
    let sum = 0;
    for (const lane of this.#lanes.values()) sum += lane.line.size;
    return sum;
  }

  /** The present rate towards a target, for status and tests; 0 when there is no limit. */
  rateOf(target: string): number {
    return this.#lanes.get(target)?.bucket.ratePerSec ?? this.#pacing.perTarget;
  }

  enqueue(
    target: string,
    wish: { readonly priority: Priority; readonly deadline: Instant; readonly grant: () => void },
  ): PacerTicket {
    const now = this.#clock.now();
    const lane = this.#laneOf(target, now);
    this.#arrivals += 1;
    const { priority, deadline, grant } = wish;
    const waiting: Wish = { priority, deadline, grant, order: this.#arrivals, position: -1 };
    lane.line.add(waiting);
    if (!lane.timer.isArmed) this.#timers.arm(lane.timer, now);
    return { cancel: () => lane.line.remove(waiting) };
  }

  /**
   * Leave for one more request of an exchange that is under way, without waiting; false when it has
   * to queue. Spares the hot path a turn through the timer queue.
   */
  takeNow(target: string): boolean {
    const now = this.#clock.now();
    const lane = this.#laneOf(target, now);
    return lane.line.first?.priority !== PRIORITY.repeat && lane.bucket.take(now);
  }

  enter(target: string): boolean {
    const now = this.#clock.now();
    const lane = this.#laneOf(target, now);
    if (lane.line.size > 0 || lane.open >= windowOf(lane) || !lane.bucket.take(now)) return false;
    lane.open += 1;
    return true;
  }

  /** The grant was not used: its place in the window is free again; the token is spent. */
  refund(target: string): void {
    this.release(target);
  }

  /** The exchange that a grant began is over. */
  release(target: string): void {
    const lane = this.#knownLane(target);
    if (lane === undefined) return;
    lane.open = Math.max(0, lane.open - 1);
    if (lane.line.size > 0) this.#drain(lane, this.#clock.now());
  }

  signal(target: string, kind: PaceSignal): void {
    const lane = this.#knownLane(target);
    if (lane === undefined) return;
    lane.promptness =
      kind === 'prompt'
        ? Math.min(lane.promptness + 1, MOST_PROMPTNESS)
        : Math.max(lane.promptness - LATE_WEIGHT, -MOST_PROMPTNESS);
    if (this.#pacing.perTarget > 0) this.#adjust(lane, kind);
  }

  /** Halves the pace on overload, lets it grow again (and up to `max`) while answers are quick. */
  #adjust(lane: Lane, kind: PaceSignal): void {
    const { perTarget, max } = this.#pacing;
    const now = this.#clock.now();
    if (kind === 'silent') lane.silences += 1;
    else lane.answers += 1;
    // Silence between answers is loss, which a slower pace does not cure.
    if (kind === 'overloaded' || (kind === 'silent' && lane.silences > lane.answers)) {
      if (elapsedMs(lane.halvedAt, now) < HALVE_AT_MOST_EVERY_MS) return;
      lane.halvedAt = now;
      startCounting(lane, now);
      lane.bucket.setRate(Math.max(perTarget * FLOOR_SHARE, lane.bucket.ratePerSec / 2), now);
      return;
    }
    if (kind === 'prompt' || kind === 'quick') lane.quickAnswers += 1;
    else if (kind === 'usual') lane.usualAnswers += 1;
    // Back to the configured rate in big steps; beyond it, where that is allowed, in small ones.
    const { ratePerSec } = lane.bucket;
    const good = lane.quickAnswers + (ratePerSec < perTarget ? lane.usualAnswers : 0);
    if (elapsedMs(lane.adjustedAt, now) < ADJUST_EVERY_MS || good === 0) return;
    startCounting(lane, now);
    const next = ratePerSec < perTarget ? Math.min(perTarget, ratePerSec * 2) : ratePerSec * GROWTH;
    lane.bucket.setRate(Math.min(Math.max(perTarget, max), next), now);
  }

  /** An answer asks for its lane two or three times in a row, and a map of many is slow. */
  #knownLane(target: string): Lane | undefined {
    if (target === this.#lastTarget) return this.#lastLane;
    const lane = this.#lanes.get(target);
    if (lane === undefined) return undefined;
    this.#lastTarget = target;
    this.#lastLane = lane;
    return lane;
  }

  #laneOf(target: string, now: Instant): Lane {
    const known = this.#knownLane(target);
    if (known !== undefined) {
      known.usedAt = now;
      return known;
    }
    const { perTarget, burst } = this.#pacing;
    const lane: Lane = {
      bucket: new TokenBucket(perTarget, burst, now),
      line: new Heap(goesBefore),
      timer: new Timer((at) => this.#drain(lane, at)),
      open: 0,
      promptness: 0,
      usedAt: now,
      halvedAt: after(now, -HALVE_AT_MOST_EVERY_MS),
      adjustedAt: now,
      quickAnswers: 0,
      usualAnswers: 0,
      answers: 0,
      silences: 0,
    };
    lane.timer.isPrompt = perTarget * LONGEST_TICK_SEC > burst;
    this.#lanes.set(target, lane);
    if (!this.#idleTimer.isArmed || this.#lanes.size > MAX_TARGETS) {
      this.#timers.arm(this.#idleTimer, after(now, this.#lanes.size > MAX_TARGETS ? 0 : IDLE_MS));
    }
    return lane;
  }

  /** Bounded by the window, since each grant but a repeat takes a place in it. */
  #drain(lane: Lane, now: Instant): void {
    for (;;) {
      const wish = lane.line.first;
      if (wish === undefined) return;
      // Repeats and copies belong to an exchange that has its place in the window already.
      const takesPlace = wish.priority !== PRIORITY.repeat && wish.priority !== PRIORITY.resend;
      if (takesPlace && lane.open >= windowOf(lane)) return;
      if (!lane.bucket.take(now)) {
        this.#timers.arm(lane.timer, lane.bucket.readyAt(now));
        return;
      }
      lane.line.remove(wish);
      lane.usedAt = now;
      if (takesPlace) lane.open += 1;
      wish.grant();
    }
  }

  #forgetIdle(now: Instant): void {
    this.#lastTarget = undefined;
    for (const [target, lane] of this.#lanes) {
      const isIdle = lane.line.size === 0 && lane.open === 0 && !lane.timer.isArmed;
      if (isIdle && elapsedMs(lane.usedAt, now) >= IDLE_MS) this.#lanes.delete(target);
    }
    if (this.#lanes.size > 0) this.#timers.arm(this.#idleTimer, after(now, IDLE_MS));
  }
}

function windowOf({ promptness }: Lane): number {
  return promptness < 0 ? WINDOW_EXCHANGES : PROMPT_WINDOW_EXCHANGES;
}

function startCounting(lane: Lane, now: Instant): void {
  lane.adjustedAt = now;
  lane.quickAnswers = 0;
  lane.usualAnswers = 0;
  lane.answers = 0;
  lane.silences = 0;
}

function goesBefore(a: Wish, b: Wish): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  return a.deadline !== b.deadline ? a.deadline < b.deadline : a.order < b.order;
}
