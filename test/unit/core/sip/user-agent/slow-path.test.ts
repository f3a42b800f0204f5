/** What a slow path costs: copies of requests over UDP, once its round trip is known (RFC 3261 section 17.1.1.1). */
import { expect, it } from 'vitest';
import { setUpExchange, TARGET } from '../../../../support/exchange-rig.ts';
import { answerTo, testFlow } from '../../../../support/recording-transport.ts';

const KEY = `udp:${TARGET.address}:${TARGET.port}`;

function setUp() {
  const rig = setUpExchange();
  const { transport, start, stack, time } = rig;
  /** One request whose answer comes after that time; gives when it was sent, from its start on. */
  const round = (rttMs: number, more: Parameters<typeof start>[0] = {}): readonly number[] => {
    const before = transport.sent.length;
    const sentAt: number[] = [];
    start({ ...more, session: undefined });
    for (let ms = 0; ms < rttMs; ms += 50) {
      while (before + sentAt.length < transport.sent.length) sentAt.push(ms);
      time.run(50);
    }
    const wire = transport.sent[before]?.wire;
    if (wire !== undefined) stack.received(answerTo(wire, '200 OK'), testFlow(), time.now());
    return sentAt;
  };
  return { ...rig, round };
}

it('sends copies at first, and none any more once the round trip is known', () => {
  const { round, outcomes, stack } = setUp();
  expect(round(3_000)).toEqual([0, 500, 1_500]);
  expect(round(2_900)).toEqual([0]);
  for (let i = 0; i < 10; i += 1) expect(round(3_000)).toEqual([0]);
  expect(outcomes).toHaveLength(12);
  expect(outcomes.every(({ kind }) => kind === 'response')).toBe(true);
  expect(stack.userAgent.answerMs(KEY)).toBeGreaterThan(2_900);
});

it('beyond T2, copies follow every 4 s', () => {
  const { round } = setUp();
  expect(round(9_000)).toEqual([0, 500, 1_500, 3_500, 7_500]);
  expect(round(9_000)).toEqual([0, 4_000, 8_000]);
});

it('a request with little time is sent several times all the same', () => {
  const { round } = setUp();
  round(3_500);
  expect(round(3_500, { timeoutMs: 4_000 })).toEqual([0, 1_000, 3_000]);
});

it('is over with the first quick answer where only copies were lost', () => {
  const { round } = setUp();
  round(3_400);
  expect(round(50)).toEqual([0]);
  expect(round(3_000)).toEqual([0, 500, 1_500]);
});
