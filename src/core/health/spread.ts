/**
 * When probes are due, so that they never come in volleys: each target has its phase in the interval,
 * by a hash of what it is; each turn is moved by up to a tenth of the interval; and of the moments that
 * this allows, one where few others are due is taken. Spans are milliseconds.
 */
import { after, type Instant } from '../base/instant.ts';
import type { Random } from '../base/random.ts';

/** Of the interval, either way. */
const JITTER = 0.1;
/** New targets are probed at this distance first, so that few targets are known at once. */
const FIRST_GAP_MS = 10;
const SLOT_MS = 50;
/** How far ahead slots are counted: 4096 x 50 ms, more than three minutes. */
const SLOTS = 4096;
/** Slots on either side that are looked at. */
const NEIGHBOURS = 10;
/** In probes: it has to pay to leave the drawn moment. */
const LEAST_GAIN = 0.5;

/** A fraction in [0, 1) that always is the same for the same text (FNV-1a, with the end of murmur3). */
export function phaseOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296;
}

/** True where so many begin together that their first turns fill the whole interval. */
export function isCrowd(count: number, intervalMs: number): boolean {
  return count * FIRST_GAP_MS >= intervalMs;
}

/** Keeper of how many probes are planned for each moment of the next minutes. */
export class ProbeCalendar {
  readonly #random: Random;
  readonly #slotAt: number[] = new Array<number>(SLOTS).fill(-1);
  /** What all targets together need. */
  #probesPerMs = 0;
  readonly #planned: number[] = new Array<number>(SLOTS).fill(0);

  constructor(random: Random) {
    this.#random = random;
  }

  /** One more target is probed at this interval, until it leaves. */
  join(intervalMs: number): void {
    this.#probesPerMs += 1 / intervalMs;
  }

  leave(intervalMs: number): void {
    this.#probesPerMs -= 1 / intervalMs;
  }

  /**
   * The first turn of one of `count` new targets: within the interval, and sooner where they are few.
   */
  firstTurn(now: Instant, phase: number, intervalMs: number, count: number): Instant {
    const spanMs = Math.min(intervalMs, count * FIRST_GAP_MS);
    const at = after(now, phase * spanMs);
    return this.#place(at, after(at, NEIGHBOURS * SLOT_MS), 0);
  }

  /** The turn after a regular one: an interval later, a tenth more or less. */
  nextTurn(lastSentAt: Instant, intervalMs: number): Instant {
    const slackMs = JITTER * intervalMs;
    const perSlot = this.#probesPerMs * SLOT_MS;
    return this.#place(
      after(lastSentAt, intervalMs - slackMs),
      after(lastSentAt, intervalMs + slackMs),
      (perSlot * SLOT_MS) / (2 * slackMs),
    );
  }

  /**
   * The turn after probes that were out of turn: back to the target's own phase, so that targets that
   * came back together do not stay together. At least a tenth of an interval after the last probe,
   * and as late as a regular turn at most.
   */
  homeTurn(lastSentAt: Instant, intervalMs: number, phase: number): Instant {
    const slackMs = JITTER * intervalMs;
    const soonest = lastSentAt + slackMs;
    const missing = (phase * intervalMs - soonest) % intervalMs;
    const waitMs = slackMs + (missing < 0 ? missing + intervalMs : missing);
    return this.#place(
      after(lastSentAt, Math.max(slackMs, waitMs - slackMs)),
      after(lastSentAt, waitMs),
      0,
    );
  }

  /**
   * A moment of [low, high] drawn by lot, moved into the emptiest of the slots around it. What lies later
   * is emptier only because others have yet to plan it: `fewerLater` is by how many a slot.
   */
  #place(low: Instant, high: Instant, fewerLater: number): Instant {
    const drawn = low + this.#random.fraction() * (high - low);
    const slot = Math.floor(drawn / SLOT_MS);
    const first = Math.floor(low / SLOT_MS);
    const last = Math.floor(high / SLOT_MS);
    let best = slot;
    let least = this.#plannedIn(slot);
    // From the middle outwards, to either side: among equals the nearest wins.
    for (let step = 1; step <= 2 * NEIGHBOURS && least > 0; step += 1) {
      const distance = step % 2 === 0 ? -step / 2 : (step + 1) / 2;
      const candidate = slot + distance;
      if (candidate < first || candidate > last) continue;
      const load = this.#plannedIn(candidate) + distance * fewerLater;
      if (load < least - LEAST_GAIN) {
        best = candidate;
        least = load;
      }
    }
    const place = best % SLOTS;
    this.#planned[place] = this.#plannedIn(best) + 1;
    this.#slotAt[place] = best;
    const offsetMs = drawn + (best - slot) * SLOT_MS - low;
    return after(low, Math.min(Math.max(offsetMs, 0), high - low));
  }

  #plannedIn(slot: number): number {
    const place = slot % SLOTS;
    return this.#slotAt[place] === slot ? (this.#planned[place] ?? 0) : 0;
  }
}
