/**
 * How late a busy machine made us. What is judged by time was read by this process, which may have been kept from
 * reading, and sent by a daemon that may have been kept from sending: both are measured, and no more is forgiven.
 */
import type { SinceStart } from './quirk-player.ts';

const TICK_MS = 20;
/** Shorter ones are within every bound. */
const STALL_MS = 100;

export interface Lateness {
  /** The earliest moment at which what was read at `atMs` can have arrived. */
  earliest(atMs: number): number;
  /** The longest that the daemon was kept from its work, in milliseconds. */
  readonly daemonMs: number;
}

export class LatenessWatch {
  readonly #clock: SinceStart;
  /** Times in which this process did not read, in order. */
  readonly #stalls: { readonly from: number; readonly to: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last: number;

  constructor(clock: SinceStart) {
    this.#clock = clock;
    this.#last = clock();
  }

  static start(clock: SinceStart): LatenessWatch {
    const watch = new LatenessWatch(clock);
    watch.#timer = setInterval(() => watch.tick(), TICK_MS);
    return watch;
  }

  /** To be called at each turn of the event loop, or nearly. */
  tick(): void {
    const now = this.#clock();
    if (now - this.#last > STALL_MS) this.#stalls.push({ from: this.#last, to: now });
    this.#last = now;
  }

  /** `metrics`: what the daemon tells of itself, in the text format of Prometheus. */
  end(metrics: string): Lateness {
    this.tick();
    clearInterval(this.#timer);
    const stalls = this.#stalls;
    const [, seconds = '0'] = /^trunkd_event_loop_lag_seconds (\S+)$/m.exec(metrics) ?? [];
    return {
      daemonMs: Number(seconds) * 1000,
      // Sockets are read after the timers of a turn, so that what waited is read just behind the stall.
      earliest: (atMs) =>
        stalls.find(({ from, to }) => from <= atMs && atMs <= to + STALL_MS)?.from ?? atMs,
    };
  }
}
