/**
 * The non-INVITE server transaction: RFC 3261 section 17.2.2, figure 8, for a user that answers at
 * once with a final response and never with a provisional one (RFC 4320 section 4.1).
 *
 *   request: deliver   +--------+  final: send   +-----------+  J   +------------+
 *  ------------------->| trying |--------------->| completed |----->| terminated |
 *                      +--------+                +-----------+      +------------+
 *              request: absorb                    request: send again
 *
 * Pure. The server layer keeps the answer, the timer J and the transport.
 */
import { unreachable } from '../../base/assert.ts';
import { type SipTimers, transactionTimeoutMs } from './timers.ts';

export type ServerState = 'trying' | 'completed' | 'terminated';
export type ServerInput = 'request' | 'final' | 'timerJ' | 'networkFault';
type ServerEffect =
  | { readonly kind: 'send' }
  | { readonly kind: 'arm'; readonly timer: 'J'; readonly afterMs: number }
  | { readonly kind: 'forget' };

export interface ServerStep {
  readonly state: ServerState;
  readonly effects: readonly ServerEffect[];
}

export interface ServerContext {
  readonly timers: SipTimers;
  /** True for TCP and TLS: timer J is zero. */
  readonly isReliable: boolean;
}

export function stepServer(
  state: ServerState,
  input: ServerInput,
  context: ServerContext,
): ServerStep {
  switch (state) {
    case 'trying':
      if (input === 'final') return answered(context);
      // A copy of a request that is still being answered is absorbed.
      return input === 'networkFault' ? ended() : { state, effects: [] };
    case 'completed':
      if (input === 'request') return { state, effects: [{ kind: 'send' }] };
      return input === 'final' ? { state, effects: [] } : ended();
    case 'terminated':
      return { state, effects: [] };
    default:
      return unreachable(state);
  }
}

function answered({ timers, isReliable }: ServerContext): ServerStep {
  if (isReliable) return { state: 'terminated', effects: [{ kind: 'send' }, { kind: 'forget' }] };
  return {
    state: 'completed',
    effects: [{ kind: 'send' }, { kind: 'arm', timer: 'J', afterMs: transactionTimeoutMs(timers) }],
  };
}

function ended(): ServerStep {
  return { state: 'terminated', effects: [{ kind: 'forget' }] };
}
