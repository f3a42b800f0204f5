/**
 * Points in time of the monotonic clock. A span is a plain number whose name ends in `Ms` or `Sec`;
 * the type keeps the two from being mixed up.
 */
declare const monotonic: unique symbol;

/** Milliseconds on the monotonic clock; its zero means nothing. */
export type Instant = number & { readonly [monotonic]: true };

/** Brands a clock reading. Only clocks, codecs of saved state and tests have a reason to call this. */
export function instant(ms: number): Instant {
  return ms as Instant;
}

/** The point `ms` milliseconds after `start`; `ms` may be negative. */
export function after(start: Instant, ms: number): Instant {
  return (start + ms) as Instant;
}

/** Milliseconds from `from` to `to`; negative when `to` lies before `from`. */
export function elapsedMs(from: Instant, to: Instant): number {
  return to - from;
}

/** The earlier of two instants. */
export function earlier(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}

export function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}
