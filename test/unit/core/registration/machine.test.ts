import { describe, expect, it } from 'vitest';
import { instant } from '../../../../src/core/base/instant.ts';
import { cause } from '../../../../src/core/registration/causes.ts';
import { step } from '../../../../src/core/registration/machine.ts';
import {
  ADAPTED,
  type Input,
  initialState,
  isBound,
  type MachineState,
} from '../../../../src/core/registration/machine-state.ts';
import type { Verdict } from '../../../../src/core/registration/outcome.ts';
import type { FailureClass } from '../../../../src/core/registration/outcome-table.ts';

const WHY = cause('registrar.unavailable', 'peer', 'next');
const DEAD = cause('target.dead', 'peer', 'next');
const NOW = 1_000_000;
/** Full jitter draws its most, the others their most as well. */
const random = { fraction: () => 0.999_999_999, hex: () => '' };

const at = (now: number) => ({ now: instant(now), random });
const idle = initialState(instant(NOW));
const registered: MachineState = {
  ...idle,
  name: 'registered',
  boundUntil: instant(NOW + 600_000),
  grantedSec: 600,
  dueAt: instant(NOW + 480_000),
};
const trying = (state: MachineState): MachineState => ({ ...state, isTrying: true });

function outcome(verdict: Verdict, refreshAt = NOW + 480_000): Input {
  return { kind: 'outcome', verdict, refreshAt: instant(refreshAt) };
}

function failed(failure: FailureClass, retryAfterSec?: number, lostBinding = false): Input {
  return outcome({ kind: 'failed', failure, retryAfterSec, lostBinding, cause: WHY });
}

const granted = (sentAt = NOW): Input =>
  outcome({ kind: 'bound', grantedSec: 600, sentAt: instant(sentAt), match: 'own' });

describe('the way up', () => {
  it('is idle, registering, registered', () => {
    const started = step(idle, { kind: 'start' }, at(NOW));
    expect(started.effects).toEqual(['try']);
    expect(started.state).toMatchObject({ name: 'idle', isTrying: true });
    const begun = step(started.state, { kind: 'begun' }, at(NOW + 5));
    expect(begun.state).toMatchObject({ name: 'registering', since: NOW + 5 });
    const done = step(begun.state, granted(NOW + 5), at(NOW + 50));
    expect(done.effects).toEqual(['arm']);
    expect(done.state).toMatchObject({
      name: 'registered',
      since: NOW + 50,
      isTrying: false,
      dueAt: NOW + 480_000,
      boundUntil: NOW + 600_005,
      grantedSec: 600,
      failures: 0,
      cause: undefined,
    });
  });

  it('keeps its name and its binding while a refresh is under way', () => {
    const due = step(registered, { kind: 'due' }, at(NOW + 480_000)).state;
    const begun = step(due, { kind: 'begun' }, at(NOW + 480_001)).state;
    expect(begun.name).toBe('registered');
    expect(isBound(begun, instant(NOW + 480_001))).toBe(true);
    expect(step(begun, granted(NOW + 480_001), at(NOW + 480_100)).state.since).toBe(NOW);
  });

  it('asks for one try at a time', () => {
    const state = trying(registered);
    expect(step(state, { kind: 'due' }, at(NOW)).effects).toEqual([]);
    expect(step(state, { kind: 'start' }, at(NOW)).effects).toEqual([]);
  });
});

describe('failures', () => {
  it('of a refresh leave the binding, and are tried again before half of the rest is gone', () => {
    const { state } = step(trying(registered), failed('transient'), at(NOW + 500_000));
    expect(state).toMatchObject({ name: 'refreshFailing', failures: 1, cause: WHY });
    expect(state.dueAt).toBe(NOW + 502_000);
    const late = step(trying(registered), failed('transient'), at(NOW + 599_000)).state;
    expect(late.dueAt).toBe(NOW + 599_500);
  });

  it('without a binding wait 30 s and more', () => {
    let state = trying(idle);
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      state = step(state, failed('transient'), at(NOW)).state;
      waits.push(Math.round((state.dueAt - NOW) / 1000));
      expect(state).toMatchObject({ name: 'waiting', isTrying: false });
      state = trying(state);
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1800, 1800]);
  });

  it('of our own machine do not lengthen the back-off of the registrar, in whatever order', () => {
    const own = outcome({
      ...{ kind: 'failed', failure: 'transient', retryAfterSec: undefined, lostBinding: false },
      cause: { ...WHY, blame: 'local' },
    });
    let state = trying(idle);
    const waitSec = (input: Input): number => {
      state = trying(step(state, input, at(NOW)).state);
      return Math.round((state.dueAt - NOW) / 1000);
    };
    for (let round = 0; round < 30; round += 1) expect(waitSec(own)).toBe(2);
    expect(state.failures).toBe(2);
    expect([failed('transient'), failed('transient')].map(waitSec)).toEqual([30, 60]);
    for (let round = 0; round < 30; round += 1) waitSec(own);
    expect(waitSec(failed('transient'))).toBe(30);
  });

  it.each([
    ['rejected', [66, 330, 1980, 1980]],
    ['config', [330, 1980, 1980, 1980]],
  ] as const)('of the class %s climb their ladder', (failure, ladder) => {
    let state = trying(idle);
    for (const sec of ladder) {
      state = step(state, failed(failure), at(NOW)).state;
      expect(state.name).toBe('rejected');
      expect(Math.round((state.dueAt - NOW) / 1000)).toBe(sec);
      state = trying(state);
    }
  });

  it('of the class rejected leave the binding too, until it runs out', () => {
    const { state } = step(trying(registered), failed('rejected'), at(NOW + 500_000));
    expect(state.name).toBe('rejected');
    expect(isBound(state, instant(NOW + 599_999))).toBe(true);
    const gone = step(state, { kind: 'expired' }, at(NOW + 600_000)).state;
    expect(gone).toMatchObject({ name: 'rejected', boundUntil: undefined, dueAt: state.dueAt });
  });

  it('that prove the binding lost end it at once', () => {
    const { state } = step(trying(registered), failed('transient', undefined, true), at(NOW));
    expect(state).toMatchObject({ name: 'waiting', boundUntil: undefined });
    expect(state.dueAt).toBe(NOW + 30_000);
  });

  it('are forgotten after a success', () => {
    const state = { ...trying(registered), failures: 5, refusals: 2, adapted: 7 };
    expect(step(state, granted(), at(NOW)).state).toMatchObject({
      failures: 0,
      refusals: 0,
      adapted: 0,
    });
  });
});

describe('Retry-After', () => {
  it('is obeyed without a binding', () => {
    const { state } = step(trying(idle), failed('transient', 3), at(NOW));
    expect(state.dueAt - NOW).toBeGreaterThanOrEqual(3_000);
    expect(state.dueAt - NOW).toBeLessThanOrEqual(3_301);
  });

  it('is clamped to an hour and to a second', () => {
    const wait = (sec: number) =>
      step(trying(idle), failed('transient', sec), at(NOW)).state.dueAt - NOW;
    expect(wait(999_999)).toBe(3_600_000);
    expect(wait(0)).toBeLessThanOrEqual(1_101);
  });

  it('longer than the binding lives allows one try before its end, and no second', () => {
    const first = step(trying(registered), failed('transient', 900), at(NOW + 500_000)).state;
    expect(first.dueAt).toBe(NOW + 550_000);
    const second = step(trying(first), failed('transient', 900), at(NOW + 550_010)).state;
    expect(second.dueAt).toBeGreaterThanOrEqual(NOW + 550_010 + 900_000);
  });

  it('never shortens the ladder of the refused', () => {
    const { state } = step(trying(idle), failed('rejected', 5), at(NOW));
    expect(state.dueAt - NOW).toBeGreaterThanOrEqual(60_000);
    const long = step(trying(idle), failed('rejected', 600), at(NOW)).state;
    expect(long.dueAt - NOW).toBeGreaterThanOrEqual(600_000);
  });
});

describe('what is adapted', () => {
  it('is tried at once, and remembered', () => {
    const verdict: Verdict = { kind: 'minExpires', minExpiresSec: 1800 };
    const { state, effects } = step(trying(idle), outcome(verdict), at(NOW));
    expect(effects).toEqual(['try']);
    expect(state).toMatchObject({ learnedMinSec: 1800, adapted: ADAPTED.minExpires });
    expect(step(state, granted(), at(NOW)).state.learnedMinSec).toBe(1800);
  });

  it('may be the Call-ID', () => {
    const { state, effects } = step(trying(idle), outcome({ kind: 'newCallId' }), at(NOW));
    expect(effects).toEqual(['renewCallId', 'try']);
    expect(state.adapted).toBe(ADAPTED.callId);
  });

  it('may be so again in the next cycle', () => {
    const state = { ...trying(idle), adapted: ADAPTED.minExpires | ADAPTED.callId };
    expect(step(state, failed('transient'), at(NOW)).state.adapted).toBe(0);
  });
});

describe('waiting for a target', () => {
  it('shows as waiting without, as refreshFailing with a binding', () => {
    const held: Input = { kind: 'held', cause: DEAD };
    expect(step(trying(idle), held, at(NOW)).state).toMatchObject({ name: 'waiting', cause: DEAD });
    const bound = step(trying(registered), held, at(NOW)).state;
    expect(bound).toMatchObject({ name: 'refreshFailing', cause: DEAD, isTrying: true });
    const later = step(bound, { kind: 'expired' }, at(NOW + 600_000)).state;
    expect(later).toMatchObject({ name: 'waiting', cause: DEAD, isTrying: true });
  });

  it('leaves a rejected one rejected, and does not touch one that rests', () => {
    const rejected = { ...trying(idle), name: 'rejected', cause: WHY } as const;
    expect(step(rejected, { kind: 'held', cause: DEAD }, at(NOW)).state).toBe(rejected);
    expect(step(registered, { kind: 'held', cause: DEAD }, at(NOW)).state).toBe(registered);
  });
});

describe('a binding that runs out', () => {
  it('begins its waits anew: what failed while it lived does not lengthen them', () => {
    const failing = { ...registered, name: 'refreshFailing' as const, failures: 7 };
    const expired = step(failing, { kind: 'expired' }, at(NOW + 600_000)).state;
    const again = step(trying(expired), failed('transient'), at(NOW + 600_000)).state;
    expect(again.dueAt - (NOW + 600_000)).toBeLessThanOrEqual(30_000);
  });

  it('is a cause of its own where there is none yet', () => {
    const { state } = step(trying(registered), { kind: 'expired' }, at(NOW + 600_000));
    expect(state).toMatchObject({ name: 'waiting', boundUntil: undefined, isTrying: true });
    expect(state.cause?.code).toBe('registration.expired');
  });

  it('does nothing to an unbound one', () => {
    expect(step(idle, { kind: 'expired' }, at(NOW)).state).toBe(idle);
  });
});

describe('being told to try now', () => {
  it('forgets former failures where that is asked', () => {
    const failing = { ...idle, name: 'rejected', failures: 4, refusals: 3 } as const;
    const fresh = step(failing, { kind: 'urge', isFresh: true }, at(NOW + 9));
    expect(fresh.effects).toEqual(['cancel', 'try']);
    expect(fresh.state).toMatchObject({ failures: 0, refusals: 0, isTrying: true, dueAt: NOW + 9 });
    const repaired = step(failing, { kind: 'urge', isFresh: false }, at(NOW)).state;
    expect(repaired).toMatchObject({ failures: 4, refusals: 3, isTrying: true });
  });
});

describe('unregistering', () => {
  const unregister = (maybeBound: boolean): Input => ({
    kind: 'unregister',
    deadline: instant(NOW + 8_000),
    maybeBound,
    cause: undefined,
  });

  it('is over at once where nothing is bound and nothing under way', () => {
    const { state, effects } = step(idle, unregister(false), at(NOW));
    expect(state.name).toBe('off');
    expect(effects).toEqual(['cancel', 'finished']);
  });

  it.each([
    ['a binding', registered, false],
    ['a request under way', trying(idle), true],
  ])('removes %s', (_, from, maybeBound) => {
    const { state, effects } = step(from, unregister(maybeBound), at(NOW));
    expect(effects).toEqual(['cancel', 'remove']);
    expect(state).toMatchObject({ name: 'unregistering', isTrying: true, dueAt: NOW + 8_000 });
  });

  it.each<readonly [string, Input]>([
    ['the answer', { kind: 'removed', cause: undefined }],
    ['the deadline', { kind: 'expired' }],
    ['a dead target', { kind: 'held', cause: DEAD }],
  ])('ends with %s', (_, input) => {
    const { state } = step(registered, unregister(false), at(NOW));
    const off = step(state, input, at(NOW + 10));
    expect(off.effects).toEqual(['cancel', 'finished']);
    expect(off.state).toMatchObject({ name: 'off', boundUntil: undefined, isTrying: false });
  });

  it('leads to off, from where only a start leads back', () => {
    const off: MachineState = { ...idle, name: 'off', learnedMinSec: 1800 };
    for (const input of [{ kind: 'due' }, { kind: 'urge', isFresh: true }, granted()] as const) {
      expect(step(off, input, at(NOW)).state).toBe(off);
    }
    const again = step(off, { kind: 'start' }, at(NOW + 1));
    expect(again.effects).toEqual(['try']);
    expect(again.state).toMatchObject({ name: 'idle', learnedMinSec: 1800, isTrying: true });
  });

  it('hears of nothing else', () => {
    const { state } = step(registered, unregister(false), at(NOW));
    for (const input of [{ kind: 'due' }, { kind: 'begun' }, granted()] as const) {
      expect(step(state, input, at(NOW)).state).toBe(state);
    }
  });
});
