import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instant } from '../../../../src/core/base/instant.ts';
import { Timer, TimerQueue } from '../../../../src/core/base/timer-queue.ts';

describe('TimerQueue', () => {
  it('fires in order of deadline, then of arming', () => {
    const queue = new TimerQueue();
    const fired: string[] = [];
    const arm = (name: string, at: number) =>
      queue.arm(new Timer(() => fired.push(name)), instant(at));
    arm('late', 30);
    arm('first', 10);
    arm('second', 10);
    expect(queue.advance(instant(10))).toBe(2);
    expect(fired).toEqual(['first', 'second']);
    queue.advance(instant(100));
    expect(fired).toEqual(['first', 'second', 'late']);
    expect(queue.nextDeadline).toBeUndefined();
  });

  it('moves a timer that is armed again, and forgets one that is disarmed', () => {
    const queue = new TimerQueue();
    let count = 0;
    const timer = new Timer(() => {
      count += 1;
    });
    queue.arm(timer, instant(10));
    queue.arm(timer, instant(50));
    queue.advance(instant(49));
    expect(count).toBe(0);
    expect(timer.isArmed).toBe(true);
    queue.advance(instant(50));
    expect(count).toBe(1);
    queue.arm(timer, instant(60));
    queue.disarm(timer);
    queue.disarm(timer);
    queue.advance(instant(1000));
    expect(count).toBe(1);
    expect(queue.size).toBe(0);
  });

  it('ends an advance although a timer arms itself for now again and again', () => {
    const queue = new TimerQueue();
    let count = 0;
    const timer: Timer = new Timer((now) => {
      count += 1;
      queue.arm(timer, now);
    });
    queue.arm(timer, instant(5));
    expect(queue.advance(instant(5))).toBe(1);
    expect(queue.advance(instant(5))).toBe(1);
    expect(count).toBe(2);
  });

  it('keeps the order of a plain sorted list under random arming and disarming', () => {
    const step = fc.record({ timer: fc.nat(19), at: fc.option(fc.nat(1000), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new TimerQueue();
        const fired: number[] = [];
        const timers = Array.from({ length: 20 }, (_, i) => new Timer(() => fired.push(i)));
        const model = new Map<number, { at: number; order: number }>();
        for (const [order, { timer, at }] of steps.entries()) {
          const subject = timers[timer] as Timer;
          if (at === undefined) {
            queue.disarm(subject);
            model.delete(timer);
          } else {
            queue.arm(subject, instant(at));
            model.set(timer, { at, order });
          }
        }
        expect(queue.size).toBe(model.size);
        queue.advance(instant(2000));
        const expected = [...model].sort(([, a], [, b]) => a.at - b.at || a.order - b.order);
        expect(fired).toEqual(expected.map(([timer]) => timer));
      }),
    );
  });

  it('fires each timer at its last deadline, whatever was armed, moved and let go in between', () => {
    const step = fc.record({
      timer: fc.nat(9),
      kind: fc.constantFrom('arm', 'arm', 'disarm', 'advance'),
      ms: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new TimerQueue();
        const due = new Map<number, number>();
        let now = 0;
        const timers = Array.from({ length: 10 }, (_, index) => {
          return new Timer(() => {
            expect(due.get(index)).toBeLessThanOrEqual(now);
            due.delete(index);
          });
        });
        let told = Number.POSITIVE_INFINITY;
        queue.onEarlier = () => {
          told = queue.wakeUp?.deadline ?? Number.POSITIVE_INFINITY;
        };
        for (const { timer, kind, ms } of steps) {
          const subject = timers[timer] as Timer;
          if (kind === 'arm') {
            queue.arm(subject, instant(now + ms));
            due.set(timer, now + ms);
            // Whoever sleeps until then wakes in time.
            expect(told).toBeLessThanOrEqual(Math.min(...due.values()));
          } else if (kind === 'disarm') {
            queue.disarm(subject);
            due.delete(timer);
          } else {
            now += ms;
            queue.advance(instant(now));
            expect(Math.min(...due.values(), Number.POSITIVE_INFINITY)).toBeGreaterThan(now);
            told = queue.wakeUp?.deadline ?? Number.POSITIVE_INFINITY;
          }
          expect(queue.size).toBe(due.size);
          expect(subject.isArmed).toBe(due.has(timer));
        }
        const soonest = Math.min(...due.values());
        expect(queue.nextDeadline).toBe(due.size === 0 ? undefined : soonest);
      }),
    );
  });

  it('does not hold what was disarmed long before its time', () => {
    const queue = new TimerQueue();
    const far = new Timer(() => {});
    queue.arm(far, instant(1_000_000));
    for (let at = 0; at < 20_000; at += 1) {
      const timer = new Timer(() => {});
      queue.arm(timer, instant(500_000));
      queue.advance(instant(at));
      queue.disarm(timer);
    }
    expect(queue.size).toBe(1);
    expect(queue.held).toBeLessThan(6_000);
    expect(queue.nextDeadline).toBe(far.deadline);
  });
});
