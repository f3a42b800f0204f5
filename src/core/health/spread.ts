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
const CANDIDATES = 8;

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
  readonly #planned: number[] = new Array<number>(SLOTS).fill(0);

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * The first turn of one of `count` new targets: within the interval, and sooner where they are few.
   */
  firstTurn(now: Instant, phase: number, intervalMs: number, count: number): Instant {
    const spanMs = Math.min(intervalMs, count * FIRST_GAP_MS);
    const at = after(now, phase * spanMs);
    const slackMs = spanMs * JITTER;
    return this.#place(at, after(at, Math.min(slackMs, (1 - phase) * spanMs)));
  }

  /** The turn after a regular one: an interval later, a tenth more or less. */
  nextTurn(lastSentAt: Instant, intervalMs: number): Instant {
    const slackMs = JITTER * intervalMs;
    return this.#place(
      after(lastSentAt, intervalMs - slackMs),
      after(lastSentAt, intervalMs + slackMs),
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
    );
  }

  /** A moment in [low, high]: the emptiest of a few slots drawn by lot. */
  #place(low: Instant, high: Instant): Instant {
    const first = Math.floor(low / SLOT_MS);
    const count = Math.floor(high / SLOT_MS) - first + 1;
    let best = first;
    let fewest = Number.POSITIVE_INFINITY;
    for (let draw = 0; draw < CANDIDATES && fewest > 0; draw += 1) {
      const slot = first + Math.floor(this.#random.fraction() * count);
      const planned = this.#plannedIn(slot);
      if (planned < fewest) {
        best = slot;
        fewest = planned;
      }
    }
    const place = best % SLOTS;
    this.#slotAt[place] = best;
    this.#planned[place] = fewest + 1;
    const at = (best + this.#random.fraction()) * SLOT_MS;
    return after(low, Math.min(Math.max(at - low, 0), high - low));
  }

  #plannedIn(slot: number): number {
    const place = slot % SLOTS;
    return this.#slotAt[place] === slot ? (this.#planned[place] ?? 0) : 0;
  }
}
