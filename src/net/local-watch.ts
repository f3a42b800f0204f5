/**
 * What this machine knows of itself that would explain a missing answer: the process stood still, the
 * machine was suspended, no interface has a carrier any more. A beat every 200 ms shows the first two; the
 * last is looked up now and then, and when somebody asks, once a second at most. A machine that never had a
 * carrier has lost none: all that it reaches is on itself.
 */
import { networkInterfaces, uptime } from 'node:os';
import type { Clock } from '../core/base/clock.ts';
import { type Fault, fault } from '../core/base/fault.ts';
import { elapsedMs, type Instant } from '../core/base/instant.ts';
import { Ring } from '../core/base/ring.ts';

const BEAT_MS = 200;
/** A shorter standstill hides no answer. */
const LEAST_LAG_MS = 250;
/** The clock of the uptime counts whole seconds. */
const LEAST_SUSPEND_MS = 2_500;
const REMEMBERED = 32;
const CARRIER_FRESH_MS = 1_000;
/** How often it is looked up unasked, once it was seen; until then with every beat. */
const CARRIER_LOOK_MS = 5_000;

interface Standstill {
  readonly from: Instant;
  readonly to: Instant;
  readonly what: 'lag' | 'suspend';
}

/** What the watch reads of the machine. */
interface LocalReadings {
  /** Seconds since the machine started, those asleep among them. */
  uptimeSec(): number;
  /** An interface besides loopback has a carrier and an address. */
  hasCarrier(): boolean;
}

const OS: LocalReadings = { uptimeSec: uptime, hasCarrier: readCarrier };

export class LocalWatch {
  readonly #clock: Clock;
  readonly #os: LocalReadings;
  readonly #standstills = new Ring<Standstill>(REMEMBERED);
  #beatAt: Instant;
  #asleepMs: number;
  #timer: NodeJS.Timeout | undefined;
  #carrier: { readonly at: Instant; readonly has: boolean } | undefined;
  /** There was one at some time. */
  #hadCarrier = false;

  constructor(clock: Clock, os: LocalReadings = OS) {
    this.#clock = clock;
    this.#os = os;
    this.#beatAt = clock.now();
    this.#asleepMs = this.#readAsleepMs();
  }

  start(): void {
    this.#hasCarrier(0);
    this.#beatAt = this.#clock.now();
    this.#timer = setInterval(() => this.beat(), BEAT_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** What was wrong at some time since `since`; a standstill counts from `limitMs` on. */
  faultSince(since: Instant, limitMs: number, isLoopback: boolean): Fault | undefined {
    // Whoever asks first after a standstill asks before the beat is told of it.
    if (this.#timer !== undefined) this.beat();
    for (const { from, to, what } of this.#standstills.toArray()) {
      if (to < since) continue;
      if (what === 'suspend') return fault('ownFault.suspended', 'local');
      const ms = elapsedMs(from, to);
      if (ms <= limitMs) continue;
      const text = `Our own process stood still for ${(ms / 1000).toFixed(1)} s, so that answers may have been overlooked.`;
      return fault('ownFault.loopLag', 'local', text);
    }
    if (isLoopback || this.#hasCarrier(CARRIER_FRESH_MS) || !this.#hadCarrier) return undefined;
    return fault('ownFault.noCarrier', 'local');
  }

  /** Looks at the clocks; called by its own timer, and by tests. */
  beat(): void {
    const now = this.#clock.now();
    const from = this.#beatAt;
    this.#beatAt = now;
    if (elapsedMs(from, now) - BEAT_MS > LEAST_LAG_MS) {
      this.#standstills.push({ from, to: now, what: 'lag' });
    }
    const asleepMs = this.#readAsleepMs();
    if (asleepMs - this.#asleepMs > LEAST_SUSPEND_MS) {
      this.#standstills.push({ from, to: now, what: 'suspend' });
      this.#asleepMs = asleepMs;
    }
    // A link that came up a moment ago is not told of at once, and may be lost again soon.
    this.#hasCarrier(this.#hadCarrier ? CARRIER_LOOK_MS : BEAT_MS);
  }

  /** Grows by what the machine slept, which the monotonic clock leaves out. */
  #readAsleepMs(): number {
    return this.#os.uptimeSec() * 1000 - this.#clock.now();
  }

  #hasCarrier(freshMs: number): boolean {
    const now = this.#clock.now();
    if (this.#carrier === undefined || elapsedMs(this.#carrier.at, now) >= freshMs) {
      this.#carrier = { at: now, has: this.#os.hasCarrier() };
      this.#hadCarrier ||= this.#carrier.has;
    }
    return this.#carrier.has;
  }
}

/** Node lists interfaces that run; a sandbox without AF_NETLINK has none to list, and gets the benefit of the doubt. */
function readCarrier(): boolean {
  try {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    return all.some(({ internal }) => !internal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return true;
  }
}
