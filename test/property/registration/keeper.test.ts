import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure, fault, success } from '../../../src/core/base/fault.ts';
import type { RegistrationState } from '../../../src/core/registration/events.ts';
import { smallestBurst } from '../../support/rate-limit.ts';
import { aProfile, aRegistration, aTarget, Rig } from '../../support/registration/rig.ts';
import { type Call, granted, type Reply } from '../../support/registration/scripted-user-agent.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const BOUND_STATES: ReadonlySet<RegistrationState> = new Set(['registered', 'refreshFailing']);
const UNBOUND_STATES: ReadonlySet<RegistrationState> = new Set(['idle', 'waiting', 'off']);

/** Anything that a registrar may do, drawn anew for each request; `mood` is how often it behaves. */
function capricious(random: SeededRandom, mood: number): (call: Call) => Reply {
  const replies: ((call: Call) => Reply)[] = [
    () => 'silence',
    () => ({ status: 401, refusal: { kind: 'credentials', realm: 'r' }, requests: 2 }),
    () => ({ status: 401, refusal: { kind: 'loop' }, requests: 2 }),
    () => ({ status: 403 }),
    () => ({ status: 404, lines: ['Retry-After: 10'] }),
    () => ({ status: 503, lines: [`Retry-After: ${Math.floor(random.fraction() * 400)}`] }),
    () => ({ status: 503 }),
    () => ({ status: 500, delayMs: 3_000 }),
    () => ({ status: 400, reason: 'Bad CSeq' }),
    () => ({ status: 302, lines: ['Contact: <sip:elsewhere.example>'] }),
    (call) => ({ status: 423, lines: [`Min-Expires: ${call.expiresSec + 50}`] }),
    () => ({ status: 200, lines: [] }),
    (call) => granted(call, 1 + Math.floor(random.fraction() * 100)),
    (call) => granted(call, 3600),
    () => ({ fault: 'transport.refused' }),
    () => ({ fault: 'transport.local' }),
    () => ({ fault: 'tls.identity' }),
  ];
  return (call) => {
    if (random.fraction() < mood) return granted(call, call.expiresSec);
    const reply = replies[Math.floor(random.fraction() * replies.length)];
    return reply === undefined ? 'silence' : reply(call);
  };
}

/** I1 and I8 of the promises: everybody has a next step, and the sums are right. */
function check(rig: Rig): void {
  const counted = new Map<string, number>();
  for (const id of rig.keeper.ids()) {
    checkOne(rig, id);
    const { state } = rig.of(id);
    counted.set(state, (counted.get(state) ?? 0) + 1);
  }
  for (const counts of rig.keeper.counts().values()) {
    for (const [state, count] of Object.entries(counts)) {
      expect(count).toBeGreaterThanOrEqual(0);
      counted.set(state, (counted.get(state) ?? 0) - count);
    }
  }
  expect([...counted.values()].every((difference) => difference === 0)).toBe(true);
  expect(rig.keeper.stuck).toBe(0);
}

function checkOne(rig: Rig, id: string): void {
  const { state, bound, nextAttemptAt, expiresAt } = rig.of(id);
  if (state !== 'off' && state !== 'unregistering') {
    expect(nextAttemptAt, `${id} ${state}`).toBeDefined();
    if (!bound) expect(rig.inMs(nextAttemptAt)).toBeLessThanOrEqual(3_600_000);
  }
  expect(bound).toBe(expiresAt !== undefined && expiresAt > rig.time.now());
  if (BOUND_STATES.has(state)) expect(bound, `${id} ${state}`).toBe(true);
  if (UNBOUND_STATES.has(state)) expect(bound, `${id} ${state}`).toBe(false);
}

const scenario = fc.record({
  seed: fc.nat(),
  mood: fc.constantFrom(0, 0.2, 0.6, 0.95),
  count: fc.integer({ min: 1, max: 40 }),
  expiresSec: fc.constantFrom(10, 60, 600, 3600),
  perTarget: fc.constantFrom(0, 6, 100),
});

/** Does something to the keeper, as operators and reloads do, and lets time pass. */
function disturb(rig: Rig, random: SeededRandom, count: number): void {
  const id = `u${Math.floor(random.fraction() * count)}`;
  const spec = aRegistration(id, aProfile({ expiresSec: 60 }));
  const moves = [
    () => rig.keeper.registerNow(id),
    () => rig.keeper.order(id, { command: 'off', reason: '', until: undefined }),
    () => rig.keeper.order(id, { command: 'up', reason: '', until: undefined }),
    () => rig.keeper.change(spec),
    () => rig.keeper.change(aRegistration(id, aProfile({ domain: 'other.example' }))),
    () => rig.keeper.change(aRegistration(id, aProfile({ admin: 'off' }))),
    () => {
      rig.keeper.remove(id);
      rig.keeper.add(spec);
    },
    () => {
      rig.targets = failure(fault('dns.failed', 'network'));
    },
    () => {
      rig.targets = success([aTarget('192.0.2.1'), aTarget('192.0.2.2')]);
    },
    () => {
      rig.targets = success([aTarget('192.0.2.1')]);
    },
  ];
  if (rig.keeper.snapshot(id) !== undefined)
    moves[Math.floor(random.fraction() * moves.length)]?.();
  rig.time.run(random.fraction() ** 4 * 2_000_000);
}

describe('whatever a registrar does', () => {
  it('everybody has a next step, one request at a time, a rising CSeq, and the sums are right', () => {
    fc.assert(
      fc.property(scenario, ({ seed, mood, count, expiresSec, perTarget }) => {
        const pacing = { perTarget, burst: 5, max: perTarget };
        const rig = new Rig({ seed, pacing });
        const random = new SeededRandom(seed + 1);
        rig.userAgent.script = capricious(random, mood);
        rig.add(count, { expiresSec });
        for (let round = 0; round < 40; round += 1) {
          rig.time.run(random.fraction() ** 4 * 1_000_000);
          check(rig);
        }
        expect(rig.userAgent.violations).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('nor do operators and reloads confuse it', () => {
    fc.assert(
      fc.property(scenario, ({ seed, mood, count, perTarget }) => {
        const rig = new Rig({ seed, pacing: { perTarget, burst: 5, max: perTarget } });
        const random = new SeededRandom(seed + 1);
        rig.userAgent.script = capricious(random, mood);
        rig.add(count, { expiresSec: 60 });
        for (let round = 0; round < 60; round += 1) {
          disturb(rig, random, count);
          check(rig);
        }
        expect(rig.userAgent.violations).toEqual([]);
        // And once the registrar behaves, everybody who is wanted comes back.
        rig.targets = success([aTarget('192.0.2.1')]);
        rig.userAgent.script = (call) => granted(call, call.expiresSec);
        rig.time.run(2 * 3_600_000);
        check(rig);
        for (const id of rig.keeper.ids()) {
          expect(['registered', 'off'], id).toContain(rig.of(id).state);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('never goes above the pace', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(6, 20, 60), (seed, perTarget) => {
        const burst = 4;
        const rig = new Rig({ seed, pacing: { perTarget, burst, max: perTarget } });
        const random = new SeededRandom(seed + 1);
        const script = capricious(random, 0.7);
        // Without challenges: their repeats are for the user agent to pace, which is scripted here.
        rig.userAgent.script = (call) => {
          const reply = script(call);
          return reply !== 'silence' && 'requests' in reply ? { ...reply, requests: 1 } : reply;
        };
        rig.add(300, { expiresSec: 120 });
        rig.time.run(1_200_000);
        const times = rig.userAgent.calls.map(({ at }) => at);
        expect(smallestBurst(times, perTarget)).toBeLessThanOrEqual(burst + 1e-6);
      }),
      { numRuns: 15 },
    );
  });

  it('loses no binding while of three attempts in a row one is answered', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(30, 60, 600, 3600), (seed, expiresSec) => {
        const rig = new Rig({ seed });
        rig.userAgent.keepsCalls = false;
        const silences = new Map<string, number>();
        rig.userAgent.script = (call) => {
          const before = silences.get(call.user) ?? 0;
          // One at a time has bad luck: three in a row would mean that the target is dead.
          const unlucky = `u${Math.floor(call.at / (3_000 * expiresSec)) % 10}`;
          const isLost = before < 2 && call.user === unlucky;
          silences.set(call.user, isLost ? before + 1 : 0);
          return isLost ? 'silence' : granted(call, call.expiresSec);
        };
        rig.add(10, { expiresSec });
        rig.time.run(40 * expiresSec * 1000);
        for (const id of rig.keeper.ids()) {
          expect(rig.of(id).counters.lapses, id).toBe(0);
          expect(rig.of(id).counters.failed, id).toBeGreaterThan(1);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('a dead target', () => {
  it('is asked at most twice a second, and everybody is back soon after its return', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 60_000, max: 5_000_000 }),
        fc.constantFrom(0, 6, 200),
        (seed, outageMs, perTarget) => {
          const rig = new Rig({ seed, pacing: { perTarget, burst: 10, max: perTarget } });
          rig.add(200, { expiresSec: 600 });
          rig.time.run(400_000);
          rig.userAgent.script = () => 'silence';
          // What may begin before the silence is noticed is bounded by count.
          const diedAt = rig.time.elapsedMs + 10_000;
          rig.time.run(outageMs);
          const until = rig.time.elapsedMs;
          const dead = rig.userAgent.calls.filter(({ at }) => at > diedAt && at <= until);
          expect(dead.length).toBeLessThanOrEqual(12 + ((outageMs / 1000) * 3) / 4);
          rig.userAgent.script = (call) => granted(call, 600);
          rig.time.run(150_000);
          expect(rig.counted('registered')).toBe(200);
          check(rig);
        },
      ),
      { numRuns: 25 },
    );
  });
});
