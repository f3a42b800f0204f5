import { describe, expect, it } from 'vitest';
import {
  type ClientInput,
  type ClientState,
  clientContext,
  stepClient,
} from '../../../../../src/core/sip/transaction/non-invite-client.ts';
import { DEFAULT_TIMERS } from '../../../../../src/core/sip/transaction/timers.ts';

/** Plays the machine on a virtual clock: what happens, and when, in milliseconds. */
function play(
  isReliable: boolean,
  script: readonly { readonly at: number; readonly input: ClientInput }[],
  untilMs: number,
) {
  const context = clientContext(DEFAULT_TIMERS, isReliable);
  const log: string[] = [];
  const deadlines = new Map<'E' | 'F' | 'K', number>();
  let state: ClientState;
  let now = 0;
  const apply = (step: ReturnType<typeof stepClient>) => {
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'arm') deadlines.set(effect.timer, now + effect.afterMs);
      else log.push(`${effect.kind}@${now}`);
      if (effect.kind === 'forget') deadlines.clear();
    }
  };
  apply(context.first);
  const inputs = [...script];
  for (;;) {
    const [timer, at] = [...deadlines].sort((a, b) => a[1] - b[1])[0] ?? ['none', Infinity];
    const next = inputs[0];
    if (next !== undefined && next.at <= at) {
      inputs.shift();
      now = next.at;
      apply(stepClient(state!, next.input, context));
    } else if (at <= untilMs && timer !== 'none') {
      now = at;
      deadlines.delete(timer);
      apply(stepClient(state!, { kind: 'timer', timer }, context));
    } else break;
  }
  return { log, state: state!.name };
}

const sends = (log: readonly string[]) =>
  log.filter((line) => line.startsWith('send@')).map((line) => Number(line.slice(5)));

describe('non-INVITE client transaction, RFC 3261 17.1.2', () => {
  it('sends at 0, 500, 1500, 3500, 7500 and every 4 s on UDP, and gives up after 32 s', () => {
    const { log, state } = play(false, [], 60_000);
    expect(sends(log)).toEqual([
      0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ]);
    expect(log.slice(-2)).toEqual(['timedOut@32000', 'forget@32000']);
    expect(state).toBe('terminated');
  });

  it('sends once over TCP and TLS, and gives up after 32 s', () => {
    const { log } = play(true, [], 60_000);
    expect(log).toEqual(['send@0', 'timedOut@32000', 'forget@32000']);
  });

  it('sends every T2 after a provisional response', () => {
    const response: ClientInput = { kind: 'response', status: 100 };
    const { log } = play(false, [{ at: 600, input: response }], 20_000);
    expect(sends(log)).toEqual([0, 500, 1500, 5500, 9500, 13_500, 17_500]);
  });

  it('absorbs copies of the final response until timer K', () => {
    const response: ClientInput = { kind: 'response', status: 200 };
    const script = [100, 200, 4000].map((at) => ({ at, input: response }));
    const { log, state } = play(false, script, 60_000);
    expect(log).toEqual(['send@0', 'deliver@100', 'forget@5100']);
    expect(state).toBe('terminated');
  });

  it('ends at once with the final response on a stream', () => {
    const { log } = play(true, [{ at: 10, input: { kind: 'response', status: 401 } }], 60_000);
    expect(log).toEqual(['send@0', 'deliver@10', 'forget@10']);
  });

  it('fails at once when the transport does', () => {
    const { log } = play(false, [{ at: 700, input: { kind: 'networkFault' } }], 60_000);
    expect(log).toEqual(['send@0', 'send@500', 'failed@700', 'forget@700']);
  });

  it('never waits longer than timer F, however long the user would', () => {
    expect(clientContext(DEFAULT_TIMERS, false, 99_999).timeoutMs).toBe(32_000);
    expect(clientContext(DEFAULT_TIMERS, false, 4000).timeoutMs).toBe(4000);
  });
});
