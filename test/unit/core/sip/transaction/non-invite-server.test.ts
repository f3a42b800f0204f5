import { describe, expect, it } from 'vitest';
import { stepServer } from '../../../../../src/core/sip/transaction/non-invite-server.ts';
import { DEFAULT_TIMERS } from '../../../../../src/core/sip/transaction/timers.ts';

const udp = { timers: DEFAULT_TIMERS, isReliable: false };
const tcp = { timers: DEFAULT_TIMERS, isReliable: true };

describe('non-INVITE server transaction, RFC 3261 17.2.2', () => {
  it('keeps the answer for timer J on UDP and repeats it for copies', () => {
    const answered = stepServer('trying', 'final', udp);
    expect(answered.state).toBe('completed');
    expect(answered.effects).toEqual([
      { kind: 'send' },
      { kind: 'arm', timer: 'J', afterMs: 32_000 },
    ]);
    expect(stepServer('completed', 'request', udp).effects).toEqual([{ kind: 'send' }]);
    expect(stepServer('completed', 'timerJ', udp)).toEqual({
      state: 'terminated',
      effects: [{ kind: 'forget' }],
    });
  });

  it('needs no memory on a stream', () => {
    expect(stepServer('trying', 'final', tcp)).toEqual({
      state: 'terminated',
      effects: [{ kind: 'send' }, { kind: 'forget' }],
    });
  });

  it('absorbs a copy while the request is being answered', () => {
    expect(stepServer('trying', 'request', udp)).toEqual({ state: 'trying', effects: [] });
  });

  it.each(['request', 'final', 'timerJ', 'networkFault'] as const)('is over after %s', (input) => {
    expect(stepServer('terminated', input, udp)).toEqual({ state: 'terminated', effects: [] });
  });
});
