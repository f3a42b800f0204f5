/** The first of the inputs of `npm run fuzz`; what has to hold stands in test/support/fuzz. */
import { describe, expect, it } from 'vitest';
import { runInputs } from '../../support/fuzz/inputs.ts';

const INPUTS = 200_000;
/** Ends that show that the inputs reach what they are to reach; the least share of all inputs. */
const REACHED: readonly (readonly [end: RegExp, inTenThousand: number])[] = [
  [/^message: taken request/, 200],
  [/^message: taken response/, 300],
  [/^message: answered 400/, 300],
  [/^message: refused headerLine/, 300],
  [/^message: refused truncated/, 100],
  [/^message: refused (tooLarge|lineTooLong|tooManyFields)/, 20],
  [/^stream: several messages/, 700],
  [/^stream: failed stream/, 200],
  [/^client: datagram .*response/, 200],
  [/^client: stream .*response/, 100],
  [/^client: .*failed/, 200],
  [/^server: answered/, 400],
  [/^relay: relayed.* answered/, 100],
  [/^relay: relayed.* in dialog/, 50],
  [/^lookup: records/, 200],
  [/^lookup: foreign/, 50],
  [/^stun: mapped/, 200],
  [/^stun: no /, 20],
  [/^registrar: was bound/, 20],
  [/^registrar: was not bound/, 50],
];

describe('hostile input', () => {
  it(`${INPUTS} inputs: nothing escapes, and all that has to hold holds`, () => {
    const { ends } = runInputs(0, INPUTS);
    for (const [end, least] of REACHED) {
      const times = [...ends].reduce((sum, [one, count]) => sum + (end.test(one) ? count : 0), 0);
      expect(times, `${end}`).toBeGreaterThanOrEqual((INPUTS * least) / 10_000);
    }
  });
});
