/** What the sweeper must find, since nobody else would: each place with its next step missing. */
import { describe, expect, it } from 'vitest';
import { type Instant, instant } from '../../../../src/core/base/instant.ts';
import { TimerQueue } from '../../../../src/core/base/timer-queue.ts';
import { Entry, type Place } from '../../../../src/core/registration/entry.ts';
import type { Registrar } from '../../../../src/core/registration/registrar.ts';
import { Sweeper } from '../../../../src/core/registration/sweeper.ts';
import { aRegistration, Rig } from '../../../support/registration/rig.ts';

const START = instant(1_000);

function anEntry(place: Place): Entry {
  const entry = new Entry(aRegistration('a'), {} as Registrar, 'call', START, () => {});
  entry.place = place;
  return entry;
}

/** How many of one that is prepared so are found at that time. */
function found(
  place: Place,
  prepare: (entry: Entry, timers: TimerQueue) => void,
  at: number,
): number {
  const entry = anEntry(place);
  const timers = new TimerQueue();
  prepare(entry, timers);
  const reported: Entry[] = [];
  const sweeper = new Sweeper(
    new Map([['a', entry]]),
    timers,
    () => {},
    (one) => reported.push(one),
    () => {},
  );
  sweeper.sweep(at as Instant);
  expect(sweeper.stuck).toBe(reported.length);
  return reported.length;
}

const asItIs = (): void => {};
const inLine = (entry: Entry): void => {
  entry.position = 3;
};
const off = (entry: Entry): void => {
  entry.state = { ...entry.state, name: 'off' };
};
const armed = (entry: Entry, timers: TimerQueue): void => timers.arm(entry.timer, instant(9e9));

describe('the sweeper', () => {
  it.each<[Place, string, (entry: Entry, timers: TimerQueue) => void, number, number]>([
    ['timer', 'that is not armed', asItIs, 1_000, 1],
    ['timer', 'that is armed, however far', armed, 9e8, 0],
    ['line', 'without a place in it', asItIs, 1_000, 1],
    ['line', 'however long', inLine, 9e8, 0],
    ['guarded', 'without a place in line', asItIs, 1_000, 1],
    ['guarded', 'however long', inLine, 9e8, 0],
    ['locating', 'for a minute', asItIs, 61_000, 0],
    ['locating', 'for longer', asItIs, 61_001, 1],
    ['exchange', 'for five minutes', asItIs, 301_000, 0],
    ['exchange', 'for longer', asItIs, 301_001, 1],
    ['nowhere', 'and not off', asItIs, 1_000, 1],
    ['nowhere', 'since it is off', off, 9e8, 0],
  ])('%s %s: found or not', (place, _how, prepare, at, count) => {
    expect(found(place, prepare, at)).toBe(count);
  });

  it('looks at everybody once in ten seconds, tells of whoever is stuck, and lets it try again', () => {
    const rig = new Rig();
    rig.isLost = true;
    rig.add(25);
    rig.time.run(59_000);
    expect(rig.keeper.stuck).toBe(0);
    rig.isLost = false;
    rig.time.run(12_000);
    expect(rig.keeper.stuck).toBe(25);
    expect(rig.counted('registered')).toBe(25);
    expect(rig.notices().filter((code) => code === 'registration.stuck')).toHaveLength(25);
  });
});
