import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Instant, instant, after as later } from '../../../src/core/base/instant.ts';
import { Timer, TimerQueue } from '../../../src/core/base/timer-queue.ts';
import { TimerDriver } from '../../../src/net/timer-driver.ts';

/** A clock that vitest's fake timers move; it starts off any tick. */
const START = 1_000_007.3;
const clock = { now: (): Instant => instant(START + Date.now()) };

describe('the timer driver', () => {
  let queue: TimerQueue;
  let driver: TimerDriver;

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    queue = new TimerQueue();
    driver = new TimerDriver(queue, clock);
    driver.start();
  });

  afterEach(() => {
    driver.stop();
    vi.useRealTimers();
  });

  const firesAfter = (ms: number): { late: number | undefined } => {
    const fired: { late: number | undefined } = { late: undefined };
    const deadline = later(clock.now(), ms);
    queue.arm(new Timer((now) => Object.assign(fired, { late: now - deadline })), deadline);
    return fired;
  };

  it('fires nothing early, and nothing later than a tick and the rounding of Node', () => {
    const all = [0, 1, 49, 50, 51, 500, 3_333.3, 60_000].map(firesAfter);
    vi.advanceTimersByTime(61_000);
    for (const { late } of all) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThanOrEqual(52);
    }
  });

  it('wakes for a deadline that is armed ahead of the one it sleeps for', () => {
    const far = firesAfter(3_600_000);
    vi.advanceTimersByTime(10_000);
    const near = firesAfter(500);
    vi.advanceTimersByTime(552);
    expect(near.late).toBeGreaterThanOrEqual(0);
    expect(far.late).toBeUndefined();
  });

  it('wakes for what a firing timer arms', () => {
    let fired = 0;
    const again = new Timer((now) => {
      fired += 1;
      queue.arm(again, later(now, 100));
    });
    queue.arm(again, later(clock.now(), 100));
    vi.advanceTimersByTime(1_600);
    expect(fired).toBeGreaterThanOrEqual(10);
    expect(fired).toBeLessThanOrEqual(16);
  });

  it('collects what is due: twenty timers in a second cost at most twenty wake-ups', () => {
    const wakeUps = vi.spyOn(queue, 'advance');
    for (let i = 0; i < 40; i += 1) firesAfter(i * 25);
    vi.advanceTimersByTime(1_100);
    expect(wakeUps.mock.calls.length).toBeLessThanOrEqual(22);
  });

  it('sends much in short ticks instead of volleys', () => {
    const perTick = new Map<number, number>();
    const start = clock.now();
    for (let ms = 0; ms < 5_000; ms += 1) {
      const timer = new Timer((now) => perTick.set(now, (perTick.get(now) ?? 0) + 1));
      queue.arm(timer, later(start, ms));
    }
    vi.advanceTimersByTime(5_100);
    const late = [...perTick].filter(([now]) => now - start > 1_000).map(([, count]) => count);
    expect(Math.max(...late)).toBeLessThanOrEqual(32);
  });

  it('wakes for a prompt timer without waiting for the end of the tick', () => {
    const start = clock.now();
    let late = Infinity;
    const timer = new Timer((now) => {
      late = now - timer.deadline;
    });
    timer.isPrompt = true;
    queue.arm(timer, later(start, 1_003));
    vi.advanceTimersByTime(1_100);
    expect(late).toBeLessThanOrEqual(4);
  });

  it('sleeps no longer than Node can, and asks again', () => {
    const far = firesAfter(2 ** 31 + 5_000);
    vi.advanceTimersByTime(2 ** 31 + 4_000);
    expect(far.late).toBeUndefined();
    vi.advanceTimersByTime(2_000);
    expect(far.late).toBeGreaterThanOrEqual(0);
  });

  it('holds no Node timer when nothing is armed, or after stop', () => {
    expect(vi.getTimerCount()).toBe(0);
    firesAfter(100);
    expect(vi.getTimerCount()).toBe(1);
    driver.stop();
    expect(vi.getTimerCount()).toBe(0);
    firesAfter(50);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('measures by how much the loop was late', () => {
    firesAfter(100);
    vi.advanceTimersByTime(200);
    expect(driver.lastLagMs).toBeLessThanOrEqual(2);
    firesAfter(100);
    // The loop stands still: time passes, and no timer runs.
    vi.setSystemTime(Date.now() + 5_000);
    vi.advanceTimersByTime(200);
    expect(driver.lastLagMs).toBeGreaterThanOrEqual(4_900);
    expect(driver.takeMaxLagMs()).toBeGreaterThanOrEqual(4_900);
    expect(driver.takeMaxLagMs()).toBe(0);
  });
});
