import { describe, expect, it } from 'vitest';
import { after } from '../../../../../src/core/base/instant.ts';
import {
  Pacer,
  PROMPT_WINDOW_EXCHANGES,
  WINDOW_EXCHANGES,
} from '../../../../../src/core/sip/user-agent/pacer.ts';
import { PRIORITY, type Priority } from '../../../../../src/core/sip/user-agent/ports.ts';
import { smallestBurst } from '../../../../support/rate-limit.ts';
import { VirtualTime } from '../../../../support/virtual-time.ts';

const TARGET = 'udp:192.0.2.1:5060';

function setUp(pacing = { perTarget: 6, burst: 3, max: 6 }) {
  const time = new VirtualTime();
  const pacer = new Pacer({ clock: time, timers: time.timers, pacing });
  const grants: { readonly name: string; readonly atMs: number }[] = [];
  const ask = (name: string, priority: Priority = PRIORITY.unbound, dueInMs = 0) =>
    pacer.enqueue(TARGET, {
      priority,
      deadline: after(time.now(), dueInMs),
      grant: () => grants.push({ name, atMs: time.elapsedMs }),
    });
  return { time, pacer, grants, ask };
}

describe('Pacer', () => {
  it('never grants from inside enqueue', () => {
    const { grants, ask, time } = setUp();
    ask('a');
    expect(grants).toEqual([]);
    time.run(0);
    expect(grants).toHaveLength(1);
  });

  it('keeps to rate x t + burst in every window, whatever waits', () => {
    const { time, pacer, grants, ask } = setUp();
    for (let i = 0; i < 200; i += 1) ask(`r${i}`);
    for (let i = 0; i < 400; i += 1) {
      time.run(100);
      while (pacer.waiting < 200 - grants.length) ask('more');
      pacer.release(TARGET);
    }
    expect(grants.length).toBeGreaterThan(190);
    const times = grants.map(({ atMs }) => atMs);
    expect(smallestBurst(times, 6)).toBeLessThanOrEqual(3 + 1e-6);
  });

  it('lets repeats go first, then probes, then what expires soonest', () => {
    const { time, grants, ask } = setUp({ perTarget: 10, burst: 1, max: 10 });
    ask('new', PRIORITY.unbound);
    ask('late', PRIORITY.living, 60_000);
    ask('soon', PRIORITY.living, 1000);
    ask('resend', PRIORITY.resend);
    ask('probe', PRIORITY.probe);
    ask('repeat', PRIORITY.repeat);
    time.run(2000);
    const order = ['repeat', 'probe', 'soon', 'late', 'resend', 'new'];
    expect(grants.map(({ name }) => name)).toEqual(order);
  });

  it('has a window of exchanges even without a rate, and repeats need no place in it', () => {
    const { time, pacer, grants, ask } = setUp({ perTarget: 0, burst: 3, max: 0 });
    for (let i = 0; i < PROMPT_WINDOW_EXCHANGES + 10; i += 1) ask(`n${i}`);
    time.run(1000);
    expect(grants).toHaveLength(PROMPT_WINDOW_EXCHANGES);
    expect(pacer.takeNow(TARGET)).toBe(true);
    ask('repeat', PRIORITY.repeat);
    time.run(1000);
    expect(grants).toHaveLength(PROMPT_WINDOW_EXCHANGES + 1);
    pacer.release(TARGET);
    expect(grants).toHaveLength(PROMPT_WINDOW_EXCHANGES + 2);
    for (let i = 0; i < 400; i += 1) pacer.release(TARGET);
    expect(pacer.waiting).toBe(0);
  });

  it('widens the window where an answer does not come promptly, or not at all', () => {
    for (const sign of ['quick', 'usual', 'slow', 'silent', 'overloaded'] as const) {
      const { time, pacer, grants, ask } = setUp({ perTarget: 0, burst: 3, max: 0 });
      for (let i = 0; i < 2 * WINDOW_EXCHANGES; i += 1) ask(`n${i}`);
      time.run(1000);
      pacer.signal(TARGET, 'prompt');
      pacer.release(TARGET);
      expect(grants).toHaveLength(PROMPT_WINDOW_EXCHANGES + 1);
      pacer.signal(TARGET, sign);
      pacer.release(TARGET);
      expect(grants).toHaveLength(WINDOW_EXCHANGES + 2);
    }
  });

  it('narrows the window again when answers come promptly, unless one in twelve does not', () => {
    const { time, pacer, grants, ask } = setUp({ perTarget: 0, burst: 3, max: 0 });
    for (let i = 0; i < 100; i += 1) pacer.enter(TARGET);
    for (let i = 0; i < 100; i += 1) pacer.signal(TARGET, 'slow');
    for (let i = 0; i < 100; i += 1) pacer.signal(TARGET, 'prompt');
    for (let i = 0; i < 10; i += 1) ask(`n${i}`);
    time.run(1000);
    expect(grants).toHaveLength(0);
    for (let i = 0; i < 360; i += 1) pacer.signal(TARGET, i % 12 === 0 ? 'slow' : 'prompt');
    pacer.release(TARGET);
    expect(grants).toHaveLength(10);
  });

  it('lets in at once who finds nobody waiting, a token and a place', () => {
    const { time, pacer, grants, ask } = setUp({ perTarget: 1, burst: 2, max: 1 });
    expect(pacer.enter(TARGET)).toBe(true);
    expect(pacer.enter(TARGET)).toBe(true);
    expect(pacer.enter(TARGET)).toBe(false);
    ask('waits');
    time.run(999);
    expect(grants).toEqual([]);
    expect(pacer.enter(TARGET)).toBe(false);
    time.run(2);
    expect(grants).toHaveLength(1);
    const unpaced = setUp({ perTarget: 0, burst: 3, max: 0 }).pacer;
    for (let i = 0; i < PROMPT_WINDOW_EXCHANGES; i += 1) expect(unpaced.enter(TARGET)).toBe(true);
    expect(unpaced.enter(TARGET)).toBe(false);
  });

  it('forgets a wish that was cancelled', () => {
    const { time, grants, ask } = setUp();
    const ticket = ask('gone');
    ask('kept');
    ticket.cancel();
    time.run(1000);
    expect(grants.map(({ name }) => name)).toEqual(['kept']);
  });

  it('halves on overload, at most every 5 s and never to nothing, and comes back', () => {
    const { time, pacer, ask } = setUp({ perTarget: 16, burst: 3, max: 20 });
    ask('x');
    time.run(100);
    pacer.signal(TARGET, 'overloaded');
    pacer.signal(TARGET, 'overloaded');
    expect(pacer.rateOf(TARGET)).toBe(8);
    for (let i = 0; i < 10; i += 1) {
      time.run(5000);
      pacer.signal(TARGET, 'overloaded');
    }
    expect(pacer.rateOf(TARGET)).toBe(2);
    for (let i = 0; i < 10; i += 1) {
      time.run(10_000);
      pacer.signal(TARGET, 'quick');
    }
    expect(pacer.rateOf(TARGET)).toBe(20);
  });

  it('halves when nobody is answered, and not for what is lost between answers', () => {
    const { time, pacer, ask } = setUp({ perTarget: 16, burst: 3, max: 16 });
    ask('x');
    for (let i = 0; i < 20; i += 1) {
      time.run(1000);
      pacer.signal(TARGET, i % 3 === 2 ? 'silent' : 'quick');
    }
    expect(pacer.rateOf(TARGET)).toBe(16);
    for (let i = 0; i < 12; i += 1) {
      time.run(1000);
      pacer.signal(TARGET, 'silent');
    }
    expect(pacer.rateOf(TARGET)).toBeLessThanOrEqual(8);
  });

  it('comes back where answers are slow, but as slow as ever, and grows only by quick ones', () => {
    const { time, pacer, ask } = setUp({ perTarget: 16, burst: 3, max: 32 });
    ask('x');
    time.run(100);
    pacer.signal(TARGET, 'overloaded');
    const hear = (kind: 'usual' | 'slow') => {
      for (let i = 0; i < 5; i += 1) {
        time.run(10_000);
        pacer.signal(TARGET, kind);
      }
      return pacer.rateOf(TARGET);
    };
    expect([hear('slow'), hear('usual'), hear('usual')]).toEqual([8, 16, 16]);
  });

  it('does not grow beyond what is configured', () => {
    const { time, pacer, ask } = setUp();
    ask('x');
    for (let i = 0; i < 10; i += 1) {
      time.run(10_000);
      pacer.signal(TARGET, 'quick');
    }
    expect(pacer.rateOf(TARGET)).toBe(6);
  });

  it('paces each target by itself', () => {
    const { time, pacer, grants, ask } = setUp();
    for (let i = 0; i < 10; i += 1) ask('first');
    pacer.enqueue('udp:192.0.2.2:5060', {
      priority: PRIORITY.unbound,
      deadline: time.now(),
      grant: () => grants.push({ name: 'second', atMs: time.elapsedMs }),
    });
    time.run(10);
    expect(grants.map(({ name }) => name)).toEqual(['first', 'first', 'first', 'second']);
  });
});
