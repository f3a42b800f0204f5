/**
 * When a provider could not be reached at all, and until when nobody may complain of that: the windows
 * in which a binding may lapse. What was due before a path died should have been refreshed by then, so
 * a window begins late; after the return it takes what the pace allows until everybody is back.
 */
export interface Window {
  readonly from: number;
  to: number;
}

/** Of the margin of 360 s (G = 3600) this is the part in which a refresh has its time to succeed. */
const USUAL_REFRESH_MS = 120_000;
const MARGIN_MS = 360_000;

export class Lifeline {
  readonly windows: Window[] = [];
  #isAlive = true;

  get isAlive(): boolean {
    return this.#isAlive;
  }

  died(nowMs: number): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    const last = this.windows.at(-1);
    if (last !== undefined && last.to >= nowMs) last.to = Number.POSITIVE_INFINITY;
    else this.windows.push({ from: nowMs, to: Number.POSITIVE_INFINITY });
  }

  /** `allowanceMs`: for all who wait to come back, at the promised pace. */
  revived(nowMs: number, allowanceMs: number): void {
    if (this.#isAlive) return;
    this.#isAlive = true;
    const last = this.windows.at(-1);
    if (last !== undefined) last.to = nowMs + allowanceMs;
  }

  /** While some are still on their way back: they get what they need from now on. */
  worsened(nowMs: number, allowanceMs: () => number): void {
    const last = this.windows.at(-1);
    if (last === undefined || !this.#isAlive || last.to < nowMs) return;
    last.to = Math.max(last.to, nowMs + allowanceMs());
  }

  /** The window that excuses a binding that ran out then. */
  excuse(expiredMs: number): Window | undefined {
    return this.windows.findLast(
      ({ from, to }) => expiredMs >= from + MARGIN_MS - USUAL_REFRESH_MS && expiredMs <= to,
    );
  }
}
