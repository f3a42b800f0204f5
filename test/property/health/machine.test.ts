/** Whatever comes, in whatever order: the machine of a target keeps its promises. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/core/base/fault.ts';
import { instant } from '../../../src/core/base/instant.ts';
import { MAX_OPEN, stepTarget } from '../../../src/core/health/machine.ts';
import { newTarget, type TargetState } from '../../../src/core/health/target-state.ts';
import type { Finding } from '../../../src/core/health/verdict.ts';
import { standardAnswer } from '../../support/health/findings.ts';
import { PLAN } from '../../support/health/probe-lab.ts';

const SILENCE: Finding = {
  kind: 'silence',
  verdict: 'bad',
  fault: fault('timeout.response', 'peer'),
};
const GOOD = standardAnswer(200);

const finding: fc.Arbitrary<Finding> = fc.oneof(
  fc.constantFrom(200, 404, 483, 486, 500, 503, 603).map((code) => standardAnswer(code)),
  fc.nat({ max: 120 }).map((sec) => standardAnswer(503, sec * 1000)),
  fc.constant(SILENCE),
  fc.constant<Finding>({
    kind: 'refusal',
    verdict: 'bad',
    fault: fault('transport.refused', 'peer'),
  }),
  fc.constant<Finding>({ kind: 'none', verdict: 'void', fault: fault('transport.local', 'local') }),
);

type Act =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'end'; readonly which: number; readonly finding: Finding };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 6_000 }) }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat({ max: 3 }), finding }),
);

/** A keeper as small as can be: rounds every 10 s, probes leave after a delay. */
class SmallKeeper {
  state: TargetState = newTarget(instant(0));
  now = 0;
  #dueAt: number | undefined = 0;
  #grantAt: number | undefined;
  #ids = 0;
  readonly #fall: number;
  readonly #grantDelayMs: number;

  constructor(fall: number, grantDelayMs: number) {
    this.#fall = fall;
    this.#grantDelayMs = grantDelayMs;
  }

  feed(input: Parameters<typeof stepTarget>[1]): void {
    const { state } = this;
    const { next } = state;
    const plan = { ...PLAN, fall: this.#fall };
    const now = instant(this.now);
    const effects = stepTarget(state, input, {
      now,
      plan,
      patienceMs: 1_000,
      timeoutMs: 4_000,
    });
    for (const { kind } of effects) {
      if (kind === 'probe') this.#grantAt = this.now + this.#grantDelayMs;
      else expect(state.open).toEqual([]);
    }
    if (state.next === next) return;
    if (state.next.kind !== 'asked') this.#grantAt = undefined;
    this.#dueAt = undefined;
    if (state.next.kind === 'at') this.#dueAt = state.next.at;
    if (state.next.kind === 'round') this.#dueAt = (state.lastSentAt ?? this.now) + 10_000;
  }

  /** Lets time pass, with everything that is due on the way. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let turn = 0; turn < 10_000; turn += 1) {
      const oldest = this.state.open[0];
      const lostAt = oldest && oldest.sentAt + 4_000;
      const times = [this.#dueAt, this.#grantAt, this.state.checkAt, lostAt].filter(
        (at) => at !== undefined,
      );
      const next = Math.max(Math.min(...times), this.now);
      if (times.length === 0 || next > end) {
        this.now = end;
        return;
      }
      this.now = next;
      if (this.#grantAt !== undefined && this.#grantAt <= next) {
        this.#grantAt = undefined;
        this.#ids += 1;
        this.feed({ kind: 'sent', id: this.#ids });
      } else if (lostAt !== undefined && lostAt <= next) {
        this.end(0, SILENCE);
      } else {
        this.feed({ kind: 'tick', isDue: this.#dueAt !== undefined && this.#dueAt <= next });
      }
      this.check();
    }
    expect.fail('the machine does not let time pass');
  }

  /** Gives the next probe that is sent this end, at once. */
  answer(found: Finding): void {
    for (let turn = 0; turn < 10_000 && this.state.open.length === 0; turn += 1) this.pass(100);
    this.end(0, found);
  }

  end(which: number, found: Finding): void {
    const { open } = this.state;
    const probe = open[which % Math.max(1, open.length)];
    if (probe !== undefined) this.feed({ kind: 'ended', id: probe.id, finding: found });
    this.check();
  }

  /** What is true at any time. */
  check(): void {
    const { state } = this;
    expect(state.open.length).toBeLessThanOrEqual(MAX_OPEN);
    expect(Math.min(state.failures, state.successes, state.deviations)).toBeGreaterThanOrEqual(0);
    expect(state.failures).toBeGreaterThanOrEqual(state.open.filter((one) => one.isMissed).length);
    // There is always a next step: a probe, a look, or the end of a probe that is open or asked for.
    const hasNext =
      this.#dueAt !== undefined || this.#grantAt !== undefined || state.open.length > 0;
    expect(hasNext).toBe(true);
    if (state.isMute) expect(state.name).toBe('unknown');
    if (state.name === 'up') expect(state.isHeard).toBe(true);
  }
}

describe('the machine of a target', () => {
  it('always has a next step, and counts within its bounds', () => {
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 120 }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(0, 30, 2_500),
        (acts, fall, grantDelayMs) => {
          const keeper = new SmallKeeper(fall, grantDelayMs);
          for (const one of acts) {
            if (one.kind === 'wait') keeper.pass(one.ms);
            else keeper.end(one.which, one.finding);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is never down while every second probe is answered well, whatever becomes of the others', () => {
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 60 }), (findings) => {
        const keeper = new SmallKeeper(3, 0);
        for (const found of findings) {
          const isHeld = found.kind === 'answer' && found.holdMs > 0;
          keeper.answer(isHeld ? SILENCE : found);
          keeper.answer(GOOD);
          expect(keeper.state.name).not.toBe('down');
        }
      }),
    );
  });

  it('recovers from anything when good answers come', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const keeper = new SmallKeeper(3, 0);
        for (const one of acts) {
          if (one.kind === 'wait') keeper.pass(one.ms);
          else keeper.end(one.which, one.finding);
        }
        keeper.answer(GOOD);
        keeper.answer(GOOD);
        expect(keeper.state.name).toBe('up');
      }),
    );
  });
});
