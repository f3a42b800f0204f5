/** Monotonic to wall-clock time, also when the wall clock steps. */
import { describe, expect, it } from 'vitest';
import { instant } from '../../../src/core/base/instant.ts';
import { WallClock } from '../../../src/observe/wall-clock.ts';

describe('wall clock', () => {
  it('gives the same text for the same instant while two clocks are read apart', () => {
    let wallMs = 1_000_000;
    const clock = new WallClock({ now: () => instant(500) }, () => wallMs);
    const first = clock.iso(instant(700));
    wallMs += 3;
    expect(clock.iso(instant(700))).toBe(first);
    expect(first).toBe('1970-01-01T00:16:40.200Z');
  });

  it('follows a step', () => {
    let wallMs = 1_000_000;
    const clock = new WallClock({ now: () => instant(500) }, () => wallMs);
    wallMs += 3_600_000;
    expect(clock.wallMs(instant(500))).toBe(4_600_000);
  });

  it('what was before a standstill stays where it was', () => {
    let wallMs = 1_000_000;
    let now = 500;
    const clock = new WallClock({ now: () => instant(now) }, () => wallMs);
    const before = clock.iso(instant(400));
    // The monotonic clock stands still for an hour, the wall clock does not.
    wallMs += 3_600_000;
    clock.stoodStill(3_600_000);
    now = 700;
    wallMs += 200;
    expect(clock.iso(instant(400))).toBe(before);
    expect(clock.wallMs(instant(700))).toBe(wallMs);
    expect(clock.wallMs(instant(900))).toBe(wallMs + 200);
  });

  it('nothing stays nothing', () => {
    const clock = new WallClock({ now: () => instant(0) });
    expect(clock.iso(undefined)).toBeNull();
  });
});
