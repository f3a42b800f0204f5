import { describe, expect, it } from 'vitest';
import { fault } from '../../../../../src/core/base/fault.ts';
import { instant } from '../../../../../src/core/base/instant.ts';
import {
  newProxyState,
  type ProxyInput,
  type ProxyMachineState,
  stepProxy,
} from '../../../../../src/core/sip/proxy/machine.ts';

const SILENCE = { kind: 'unanswered', fault: fault('timeout.response', 'peer') } as const;
const GONE = { kind: 'unreachable', fault: fault('transport.refused', 'peer') } as const;
const HEARD = { kind: 'heard' } as const;
const answered = (incarnation?: string): ProxyInput => ({ kind: 'answered', incarnation });

function fed(...inputs: readonly ProxyInput[]): {
  readonly state: ProxyMachineState;
  readonly restarts: number;
} {
  let state = newProxyState(instant(0));
  let restarts = 0;
  for (const [index, input] of inputs.entries()) {
    const step = stepProxy(state, input, instant(index + 1));
    state = step.state;
    restarts += step.restarted ? 1 : 0;
  }
  return { state, restarts };
}

describe('a proxy of ours', () => {
  it.each([
    ['unknown', 0, [], 0],
    ['up', 0, [answered()], 0],
    ['unknown', 1, [SILENCE], 0],
    ['silent', 2, [SILENCE, SILENCE], 0],
    ['up', 1, [answered(), SILENCE], 0],
    ['up', 0, [answered(), SILENCE, HEARD], 0],
    ['up', 1, [answered(), SILENCE, HEARD, SILENCE], 0],
    ['silent', 2, [answered(), SILENCE, SILENCE], 0],
    ['silent', 2, [answered(), GONE], 0],
    ['silent', 3, [answered(), GONE, HEARD, SILENCE], 0],
    ['unknown', 0, [HEARD], 0],
    ['up', 0, [answered('a'), answered('a')], 0],
    ['up', 0, [answered('a'), answered('b')], 1],
    ['up', 0, [answered('a'), GONE, answered('a')], 0],
    ['up', 0, [answered('a'), GONE, answered('b')], 1],
    ['up', 0, [answered(), GONE, answered()], 1],
    ['up', 0, [answered(), answered()], 0],
    ['up', 0, [answered('a'), answered()], 1],
    // Nobody knows what was before it was asked for the first time.
    ['up', 0, [SILENCE, answered('a')], 0],
  ] as const)('is %s with %d unanswered after %j', (name, unanswered, inputs, restarts) => {
    const { state, restarts: counted } = fed(...inputs);
    expect(state).toMatchObject({ name, unanswered });
    expect(counted).toBe(restarts);
  });

  it('tells since when it is so, and why', () => {
    const { state } = fed(answered(), answered(), SILENCE, SILENCE, SILENCE);
    expect(state).toMatchObject({ since: 4, reason: { code: 'timeout.response' } });
    expect(fed(answered(), SILENCE, answered()).state).toMatchObject({
      since: 1,
      reason: undefined,
    });
  });
});
