import { describe, expect, it } from 'vitest';
import { type Instant, instant } from '../../../src/core/base/instant.ts';
import { LocalWatch } from '../../../src/net/local-watch.ts';

/** A machine whose clock and interfaces a test owns. */
class Machine {
  ms = 1_000;
  asleepMs = 0;
  carrier = true;
  looks = 0;
  readonly watch = new LocalWatch(
    { now: (): Instant => instant(this.ms) },
    {
      uptimeSec: () => Math.floor((this.ms + this.asleepMs) / 1000),
      hasCarrier: () => {
        this.looks += 1;
        return this.carrier;
      },
    },
  );

  /** The loop turns as it should. */
  run(ms: number): void {
    for (let left = ms; left > 0; left -= 200) {
      this.ms += 200;
      this.watch.beat();
    }
  }

  stall(ms: number): void {
    this.ms += ms;
    this.watch.beat();
  }

  code(sinceMs: number, limitMs = 2_000): string | undefined {
    return this.watch.faultSince(instant(sinceMs), limitMs, false)?.code;
  }
}

describe('the watch over ourselves', () => {
  it('finds nothing wrong with a loop that turns', () => {
    const machine = new Machine();
    machine.run(60_000);
    expect(machine.code(0)).toBeUndefined();
  });

  it('a standstill counts from the limit on, and for what was asked before its end', () => {
    const machine = new Machine();
    machine.run(2_000);
    const before = machine.ms;
    machine.stall(3_000);
    expect(machine.code(before)).toBe('ownFault.loopLag');
    expect(machine.code(before, 5_000)).toBeUndefined();
    machine.run(1_000);
    expect(machine.code(before)).toBe('ownFault.loopLag');
    expect(machine.code(before + 3_001)).toBeUndefined();
  });

  it('a suspend shows in the uptime, though the clock leaves it out', () => {
    const machine = new Machine();
    machine.run(2_000);
    const before = machine.ms;
    machine.asleepMs += 60_000;
    machine.run(200);
    expect(machine.code(before)).toBe('ownFault.suspended');
    machine.run(5_000);
    expect(machine.code(machine.ms - 1_000)).toBeUndefined();
  });

  it('a carrier that came after the start, and went a second later, was one', () => {
    const machine = new Machine();
    machine.carrier = false;
    machine.watch.start();
    machine.run(400);
    machine.carrier = true;
    machine.run(1_000);
    machine.carrier = false;
    machine.run(1_000);
    expect(machine.code(0)).toBe('ownFault.noCarrier');
    machine.watch.stop();
  });

  it('a carrier is looked for once a second at most, and not for loopback', () => {
    const machine = new Machine();
    machine.run(200);
    machine.carrier = false;
    const { looks } = machine;
    expect(machine.watch.faultSince(instant(0), 2_000, true)).toBeUndefined();
    expect(machine.looks).toBe(looks);
    machine.run(1_000);
    expect([machine.code(0), machine.code(0)]).toEqual([
      'ownFault.noCarrier',
      'ownFault.noCarrier',
    ]);
    expect(machine.looks).toBe(looks + 1);
    machine.carrier = true;
    machine.run(1_200);
    expect(machine.code(0)).toBeUndefined();
  });

  it('a machine that never had a carrier has lost none', () => {
    const machine = new Machine();
    machine.carrier = false;
    machine.run(60_000);
    expect(machine.code(0)).toBeUndefined();
    machine.carrier = true;
    machine.run(6_000);
    machine.carrier = false;
    machine.run(6_000);
    expect(machine.code(0)).toBe('ownFault.noCarrier');
  });

  it('really looks at this machine', () => {
    const watch = new LocalWatch({ now: (): Instant => instant(performance.now()) });
    watch.start();
    watch.stop();
    expect(watch.faultSince(instant(performance.now()), 2_000, true)).toBeUndefined();
  });
});
