/** When an order ends by itself, as operators write it: `30m`, `2h`, or a time of day in ISO 8601. */

const SPAN = /^([1-9]\d{0,5})(s|m|h|d)$/;
const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const LONGEST_MS = 366 * UNIT_MS.d;

/** Milliseconds from now on; undefined when it cannot be read, is over already, or is more than a year. */
export function parseUntil(text: string, wallMs: number): number | undefined {
  const [, digits, unit] = SPAN.exec(text) ?? [];
  const spanMs =
    unit === 's' || unit === 'm' || unit === 'h' || unit === 'd'
      ? Number(digits) * UNIT_MS[unit]
      : timeOf(text) - wallMs;
  return spanMs > 0 && spanMs <= LONGEST_MS ? spanMs : undefined;
}

function timeOf(text: string): number {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
}
