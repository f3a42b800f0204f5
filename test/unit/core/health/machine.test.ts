import { describe, expect, it } from 'vitest';
import { type FaultCode, fault } from '../../../../src/core/base/fault.ts';
import { instant } from '../../../../src/core/base/instant.ts';
import { MAX_OPEN, stepTarget } from '../../../../src/core/health/machine.ts';
import type { ProbePlan } from '../../../../src/core/health/spec.ts';
import {
  carryOver,
  newTarget,
  type TargetEffect,
  type TargetState,
} from '../../../../src/core/health/target-state.ts';
import type { Finding } from '../../../../src/core/health/verdict.ts';
import { standardAnswer as answer } from '../../../support/health/findings.ts';
import { PLAN } from '../../../support/health/probe-lab.ts';

const SILENCE: Finding = {
  kind: 'silence',
  verdict: 'bad',
  fault: fault('timeout.response', 'peer'),
};

function refusal(code: FaultCode): Finding {
  return { kind: 'refusal', verdict: 'bad', fault: fault(code, 'peer') };
}

const VOID: Finding = { kind: 'none', verdict: 'void', fault: fault('transport.local', 'local') };

/** Drives one machine by hand: seconds in, what it wants out. */
class Hand {
  state: TargetState = newTarget(instant(0));
  effects: readonly TargetEffect[] = [];
  plan: ProbePlan;
  #ids = 0;

  constructor(plan: Partial<ProbePlan> = {}) {
    this.plan = { ...PLAN, ...plan };
  }

  #step(at: number, input: Parameters<typeof stepTarget>[1]): this {
    const now = instant(at * 1000);
    const { plan } = this;
    const timeoutMs = plan.timeoutMs;
    this.effects = stepTarget(this.state, input, { now, plan, patienceMs: 1000, timeoutMs });
    return this;
  }

  /** A probe is due and leaves at once; the number it got. */
  probe(at: number): number {
    this.#step(at, { kind: 'tick', isDue: true });
    expect(this.effects).toEqual([{ kind: 'probe' }]);
    this.#ids += 1;
    this.#step(at, { kind: 'sent', id: this.#ids });
    return this.#ids;
  }

  tick(at: number): this {
    return this.#step(at, { kind: 'tick', isDue: false });
  }

  due(at: number): this {
    return this.#step(at, { kind: 'tick', isDue: true });
  }

  end(at: number, id: number, finding: Finding): this {
    return this.#step(at, { kind: 'ended', id, finding });
  }

  /** A probe with an answer at once. */
  told(at: number, finding: Finding): this {
    return this.end(at, this.probe(at), finding);
  }

  /** When the next probe is due, in seconds, or `round`, `asked`, `full`. */
  get next(): number | string {
    const { next } = this.state;
    return next.kind === 'at' ? next.at / 1000 : next.kind;
  }

  get checkAt(): number | undefined {
    return this.state.checkAt === undefined ? undefined : this.state.checkAt / 1000;
  }
}

function aHandThatIsUp(plan: Partial<ProbePlan> = {}): Hand {
  return new Hand(plan).told(0, answer(200));
}

function aHandThatIsDown(): Hand {
  const hand = aHandThatIsUp();
  for (const at of [10, 11, 12]) hand.told(at, answer(503));
  expect(hand.state.name).toBe('down');
  return hand;
}

describe('at start', () => {
  it.each([
    [200, 'up'],
    [401, 'up'],
    [404, 'up'],
    [483, 'impaired'],
    [603, 'impaired'],
  ])('a first %i makes it %s', (code, name) => {
    const hand = new Hand().told(1, answer(code));
    expect(hand.state.name).toBe(name);
    expect(hand.next).toBe('round');
  });

  it('a bad answer needs fall', () => {
    const hand = new Hand().told(0, answer(500));
    expect([hand.state.name, hand.next]).toEqual(['unknown', 1]);
    hand.told(1, answer(500));
    expect([hand.state.name, hand.next]).toEqual(['unknown', 2]);
    hand.told(2, answer(500));
    expect([hand.state.name, hand.next, hand.state.isMute]).toEqual(['down', 5, false]);
  });

  it('a refusal needs fall, and makes it down though nobody spoke SIP', () => {
    const hand = new Hand();
    for (const at of [0, 1, 2]) hand.told(at, refusal('transport.refused'));
    expect(hand.state).toMatchObject({ name: 'down', reason: refusal('transport.refused') });
  });

  it('silence leaves it unknown and mute, and it is probed at its interval', () => {
    const hand = new Hand();
    const ids = [0, 1, 2, 3].map((at) => hand.probe(at));
    hand.tick(4);
    expect(hand.state).toMatchObject({ name: 'unknown', isMute: true, failures: 4 });
    expect(hand.next).toBe('round');
    for (const [index, id] of ids.entries()) hand.end(4 + index, id, SILENCE);
    expect(hand.state.failures).toBe(4);
    expect(hand.next).toBe('round');
    const later = hand.probe(14);
    expect([hand.next, hand.checkAt]).toEqual(['round', undefined]);
    expect(hand.end(18, later, SILENCE).state).toMatchObject({ isMute: true, failures: 5 });
  });

  it('a mute one that answers is up at once, and can fall silent like any other', () => {
    const hand = new Hand();
    hand.probe(0);
    hand.probe(1);
    const last = hand.probe(2);
    hand.tick(4);
    expect(hand.state.isMute).toBe(true);
    hand.end(4.2, last, answer(200));
    expect(hand.state).toMatchObject({ name: 'up', isMute: false, failures: 0 });
    for (const at of [14, 15, 16, 17]) hand.probe(at);
    expect(hand.tick(18).state.name).toBe('down');
  });

  it('a mute one that answers badly needs fall bad answers', () => {
    const hand = new Hand();
    for (const at of [0, 1, 2]) hand.probe(at);
    hand.tick(4);
    hand.told(14, answer(503));
    expect(hand.state).toMatchObject({ name: 'unknown', isMute: false, failures: 1 });
    hand.told(15, answer(503)).told(16, answer(503));
    expect(hand.state.name).toBe('down');
  });
});

describe('silence while up', () => {
  it('starts a probe each second, four at most, and is believed after the time-out', () => {
    const hand = aHandThatIsUp();
    hand.probe(10);
    expect([hand.next, hand.state.failures]).toEqual([11, 0]);
    hand.probe(11);
    expect([hand.next, hand.state.failures]).toEqual([12, 1]);
    hand.probe(12);
    hand.probe(13);
    expect([hand.next, hand.state.failures, hand.checkAt]).toEqual(['full', 3, 14]);
    expect(hand.state.open).toHaveLength(MAX_OPEN);
    expect(hand.tick(13.9).state.name).toBe('up');
    expect(hand.tick(14).state).toMatchObject({ name: 'down', failures: 4 });
    expect(hand.next).toBe(16);
  });

  it('one probe that is lost changes nothing', () => {
    const hand = aHandThatIsUp();
    const lost = hand.probe(10);
    hand.told(11, answer(200));
    expect(hand.state).toMatchObject({ name: 'up', failures: 0, open: [], silentSince: undefined });
    expect(hand.next).toBe('round');
    expect(hand.end(14, lost, SILENCE).state.failures).toBe(0);
  });

  it.each([0, 1, 2, 3])('the answer to open probe %i ends the row and gives the others up', (n) => {
    const hand = aHandThatIsUp();
    const ids = [10, 11, 12, 13].map((at) => hand.probe(at));
    hand.end(13.8, ids[n] ?? 0, answer(200));
    expect(hand.effects).toEqual([{ kind: 'cancelOpen' }]);
    expect(hand.state).toMatchObject({ name: 'up', failures: 0, open: [], checkAt: undefined });
    expect(hand.tick(14).state.name).toBe('up');
  });

  it('a bad answer counts, the open probes before it do not', () => {
    const hand = aHandThatIsUp();
    hand.probe(10);
    hand.told(11, answer(500));
    expect(hand.state).toMatchObject({ name: 'up', failures: 1, open: [] });
    expect(hand.next).toBe(12);
  });

  it('silence after bad answers needs the time-out from its own first probe on', () => {
    const hand = aHandThatIsUp().told(10, answer(500)).told(11, answer(500));
    hand.probe(12);
    hand.probe(13);
    expect([hand.state.name, hand.state.failures, hand.checkAt]).toEqual(['up', 3, 16]);
    expect(hand.tick(16).state.name).toBe('down');
  });
});

describe('bad answers while up', () => {
  it.each([408, 500, 502, 503, 504])('%i three times, a second apart, is down', (code) => {
    const hand = aHandThatIsUp().told(10, answer(code)).told(11, answer(code));
    expect(hand.state.name).toBe('up');
    expect(hand.told(12, answer(code)).state).toMatchObject({ name: 'down', failures: 3 });
    expect(hand.next).toBe(15);
  });

  it('a good one between them starts the count anew', () => {
    const hand = aHandThatIsUp().told(10, answer(500)).told(11, answer(500));
    hand.told(12, answer(200)).told(22, answer(500)).told(23, answer(500));
    expect(hand.state).toMatchObject({ name: 'up', failures: 2 });
  });

  it('503 with Retry-After is down at once, and left alone until then', () => {
    const hand = aHandThatIsUp().told(10, answer(503, 120_000));
    expect([hand.state.name, hand.next]).toEqual(['down', 130]);
    hand.told(130, answer(503, 60_000));
    expect([hand.state.name, hand.next]).toEqual(['down', 190]);
    hand.told(190, answer(200));
    expect([hand.state.name, hand.next]).toEqual(['down', 191]);
    expect(hand.told(191, answer(200)).state.name).toBe('up');
  });
});

describe('while down', () => {
  it('rise good answers in a row, a second apart, make it up', () => {
    const hand = aHandThatIsDown().told(15, answer(200));
    expect([hand.state.name, hand.state.successes, hand.next]).toEqual(['down', 1, 16]);
    hand.told(16, answer(200));
    expect([hand.state.name, hand.state.successes, hand.next]).toEqual(['up', 2, 'round']);
  });

  it('an answer of impairment counts towards rise', () => {
    const hand = aHandThatIsDown().told(15, answer(200)).told(16, answer(603));
    expect(hand.state.name).toBe('impaired');
  });

  it('a bad answer or silence between them starts the count anew', () => {
    const hand = aHandThatIsDown().told(15, answer(200)).told(16, answer(500));
    expect(hand.state).toMatchObject({ name: 'down', successes: 0 });
    expect(hand.next).toBe(19);
    hand.told(19, answer(200));
    const silent = hand.probe(20);
    expect(hand.next).toBe(23);
    hand.end(24, silent, SILENCE);
    expect(hand.state).toMatchObject({ name: 'down', successes: 0 });
  });

  it('is probed every 3 s for five minutes, then at doubling distances up to 30 s', () => {
    const hand = aHandThatIsDown();
    let at = 15;
    const gaps: number[] = [];
    while (at < 700) {
      const id = hand.probe(at);
      const { next } = hand;
      hand.end(at + 0.1, id, answer(503));
      expect(hand.next).toBe(next);
      gaps.push(Number(next) - at);
      at = Number(next);
    }
    const fast = gaps.filter((gap) => gap === 3);
    expect(fast.length).toBeGreaterThan(97);
    expect(fast.length).toBeLessThan(102);
    expect(gaps.slice(fast.length, fast.length + 5)).toEqual([6, 12, 24, 30, 30]);
  });

  it('the next fall begins at 3 s again', () => {
    const hand = aHandThatIsDown();
    hand.state = { ...hand.state, downGapMs: 30_000 };
    hand.told(100, answer(200)).told(101, answer(200));
    for (const at of [110, 111, 112]) hand.told(at, answer(503));
    expect(hand.next).toBe(115);
  });
});

describe('impaired', () => {
  it('needs fall such answers while up, and rise good ones to go', () => {
    const hand = aHandThatIsUp().told(10, answer(483));
    expect([hand.state.name, hand.next]).toEqual(['up', 11]);
    hand.told(11, answer(603)).told(12, answer(483));
    expect([hand.state.name, hand.next]).toEqual(['impaired', 'round']);
    hand.told(20, answer(200));
    expect([hand.state.name, hand.next]).toEqual(['impaired', 21]);
    expect(hand.told(21, answer(200)).state.name).toBe('up');
  });

  it('a good answer between them starts the count anew', () => {
    const hand = aHandThatIsUp().told(10, answer(483)).told(11, answer(483));
    hand.told(12, answer(200)).told(22, answer(483));
    expect(hand.state).toMatchObject({ name: 'up', deviations: 1 });
  });

  it('goes down like up does', () => {
    const hand = new Hand().told(0, answer(603));
    for (const at of [10, 11, 12]) hand.told(at, answer(500));
    expect(hand.state.name).toBe('down');
  });
});

describe('a void probe', () => {
  it('counts neither way, and the next comes at the interval', () => {
    const hand = aHandThatIsUp();
    for (const at of [10, 20, 30, 40]) hand.told(at, VOID);
    expect(hand.state).toMatchObject({ name: 'up', failures: 0, successes: 1 });
    expect(hand.next).toBe('round');
  });

  it('does not end a count', () => {
    const hand = aHandThatIsUp().told(10, answer(500)).told(11, answer(500)).told(12, VOID);
    expect(hand.state.failures).toBe(2);
    expect(hand.told(22, answer(500)).state.name).toBe('down');
  });

  it('is taken back when it was missed already', () => {
    const hand = aHandThatIsUp();
    const first = hand.probe(10);
    hand.probe(11);
    hand.probe(12);
    expect(hand.state.failures).toBe(2);
    expect(hand.end(12.5, first, VOID).state.failures).toBe(1);
    expect(hand.tick(14).state.name).toBe('up');
  });

  it('makes room for the next when all were open', () => {
    const hand = aHandThatIsUp();
    const [first = 0] = [10, 11, 12, 13].map((at) => hand.probe(at));
    hand.end(13.2, first, VOID);
    expect(hand.next).toBe(14);
  });

  it('while down keeps the pace', () => {
    expect(aHandThatIsDown().told(15, VOID).next).toBe(18);
  });

  it('says why nothing is known', () => {
    const hand = new Hand().told(0, VOID);
    expect(hand.state.voidFault?.code).toBe('transport.local');
    expect(hand.told(10, answer(200)).state.voidFault).toBeUndefined();
  });
});

describe('odd orders', () => {
  it('the end of a probe that is not open any more changes nothing', () => {
    const hand = aHandThatIsUp();
    const { state } = hand;
    expect(hand.end(5, 77, answer(503)).state).toBe(state);
  });

  it('a probe that waits to be sent is not asked for twice', () => {
    const hand = aHandThatIsUp();
    const open = hand.probe(10);
    hand.due(11);
    expect(hand.next).toBe('asked');
    hand.end(14, open, SILENCE);
    expect(hand.next).toBe('asked');
  });

  it('no probe leaves at the very moment of the verdict', () => {
    const hand = aHandThatIsUp();
    for (const at of [10, 11, 12]) hand.probe(at);
    hand.due(14);
    expect(hand.state.name).toBe('down');
    expect(hand.effects).toEqual([]);
    expect(hand.next).toBe(15);
  });

  it('a new plan keeps the state and drops what was under way', () => {
    const hand = aHandThatIsUp();
    hand.probe(10);
    hand.probe(11);
    const carried = carryOver(hand.state);
    expect(carried).toMatchObject({ name: 'up', failures: 0, open: [], isHeard: true });
    expect(carryOver(aHandThatIsDown().state)).toMatchObject({ name: 'down', failures: 3 });
  });
});
