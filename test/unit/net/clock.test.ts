import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { after } from '../../../src/core/base/instant.ts';
import { Timer, TimerQueue } from '../../../src/core/base/timer-queue.ts';
import { RunningClock } from '../../../src/net/clock.ts';
import { TimerDriver } from '../../../src/net/timer-driver.ts';

describe('the clock of the process', () => {
  let monotonicMs: number;
  let sleptMs: number;
  let clock: RunningClock;

  beforeEach(() => {
    monotonicMs = 50_000;
    sleptMs = 7_000_000;
    clock = new RunningClock({
      monotonicMs: () => monotonicMs,
      upMs: () => monotonicMs + sleptMs,
    });
  });

  it('goes on while nobody asks, as long as nobody expected anything', () => {
    const from = clock.now();
    monotonicMs += 3_600_000;
    expect(clock.now() - from).toBe(3_600_000);
    expect(clock.takeStandstillMs()).toBe(0);
  });

  it('stands still where the loop did not wake for long after it should have', () => {
    const from = clock.now();
    clock.expect(from + 100);
    monotonicMs += 60_100;
    expect(clock.now() - from).toBe(100);
    expect(clock.takeStandstillMs()).toBe(60_000);
    expect(clock.takeStandstillMs()).toBe(0);
    monotonicMs += 40;
    expect(clock.now() - from).toBe(140);
  });

  it('never steps back, whoever asks first', () => {
    const from = clock.now();
    clock.expect(from + 100);
    monotonicMs += 4_000;
    expect(clock.now() - from).toBe(4_000);
    monotonicMs += 60_000;
    expect(clock.now() - from).toBe(4_000);
    expect(clock.takeStandstillMs()).toBe(60_000);
  });

  it('a busy loop is no standstill', () => {
    const from = clock.now();
    clock.expect(from + 100);
    monotonicMs += 4_900;
    expect(clock.now() - from).toBe(4_900);
    expect(clock.takeStandstillMs()).toBe(0);
  });

  it('a machine that slept is told of, though its monotonic clock did not move', () => {
    const from = clock.now();
    sleptMs += 7_200_000;
    monotonicMs += 1_000;
    expect(clock.now() - from).toBe(1_000);
    expect(clock.takeStandstillMs()).toBe(7_200_000);
    monotonicMs += 1_000;
    expect(clock.takeStandstillMs()).toBe(0);
  });

  it('two clocks that are read apart, or drift, are no sleep', () => {
    for (let look = 0; look < 100; look += 1) {
      monotonicMs += 1_000;
      sleptMs += 15;
      expect(clock.takeStandstillMs()).toBe(0);
    }
  });
});

describe('the timer driver, after a standstill', () => {
  beforeEach(() => vi.useFakeTimers({ now: 0 }));
  afterEach(() => vi.useRealTimers());

  it('tells of it before anything is fired, and fires nothing for the lost time', () => {
    // SIGSTOP: the monotonic clock goes on, and the Node timer fires late.
    let stoppedMs = 0;
    const readings = {
      monotonicMs: () => Date.now() + stoppedMs,
      upMs: () => Date.now() + stoppedMs,
    };
    const clock = new RunningClock(readings);
    const queue = new TimerQueue();
    const driver = new TimerDriver(queue, clock);
    const log: string[] = [];
    driver.onStandstill = (ms) => log.push(`standstill ${Math.round(ms / 1000)}`);
    driver.start();
    const start = clock.now();
    for (const sec of [1, 30]) {
      queue.arm(new Timer(() => log.push(`fired ${sec}`)), after(start, sec * 1000));
    }
    vi.advanceTimersByTime(900);
    stoppedMs = 60_000;
    vi.advanceTimersByTime(200);
    expect(log).toEqual(['standstill 60', 'fired 1']);
    vi.advanceTimersByTime(28_000);
    expect(log).toHaveLength(2);
    vi.advanceTimersByTime(1_500);
    expect(log).toEqual(['standstill 60', 'fired 1', 'fired 30']);
    driver.stop();
  });
});
