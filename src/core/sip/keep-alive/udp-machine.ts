/**
 * Keeps one UDP flow alive, and notices when the NAT on its way gave it another address: RFC 5626
 * section 4.4.2. Pure; times are milliseconds.
 *
 *              answer                       answer: the same address, every 24 to 29 s
 *   asking -----------------------> stun <---+
 *     |  no answer to 4 sendings     |  |____|   another address: failed, the new one counts from now on
 *     v                              |
 *   plain  <-------------------------+  no answer to 7 sendings: failed (RFC 8489 section 6.2.1)
 *     | double CRLF every 24 to 29 s
 *     +--> asking, after an hour
 *
 * Servers that have no STUN are many: they get what everybody sends, a double CRLF, which keeps the NAT
 * open and is answered by nobody.
 */
import { between, type Random } from '../../base/random.ts';

export interface UdpKeepAliveState {
  readonly name: 'asking' | 'stun' | 'plain';
  /** How often the request under way was sent; 0: none is. */
  readonly sendings: number;
  /** Our address as the server saw it last. */
  readonly mapped: string | undefined;
  /** Double CRLFs that are sent before STUN is asked for again. */
  readonly plainLeft: number;
}

export type UdpKeepAliveInput =
  | { readonly kind: 'timer' }
  /** To the request under way; undefined: the server refused, or did not say. */
  | { readonly kind: 'answer'; readonly mapped: string | undefined };

export interface UdpKeepAliveStep {
  readonly state: UdpKeepAliveState;
  /** `ask`: with a new transaction id; `again`: the same request once more. */
  readonly send: 'ask' | 'again' | 'crlf' | undefined;
  readonly failed: 'moved' | 'silent' | undefined;
  /** Undefined: the timer stays as it is. */
  readonly timerMs: number | undefined;
}

export interface UdpKeepAliveContext {
  readonly random: Random;
  /** False: STUN is never asked for. */
  readonly hasStun: boolean;
  /** Between two keep-alives. */
  readonly intervalMs: readonly [least: number, most: number];
}

/** RFC 8489 section 6.2.1: RTO, and how many times it is waited for after the last sending. */
const RTO_MS = 500;
const LAST_RTOS = 16;
const SENDINGS = 7;
/** To find out whether there is STUN at all, fewer will do. */
const FIRST_SENDINGS = 4;
/** About an hour. */
const PLAIN_IN_A_ROW = 135;

export const KEEP_ALIVE_START: UdpKeepAliveState = {
  name: 'asking',
  sendings: 0,
  mapped: undefined,
  plainLeft: 0,
};

export function stepUdpKeepAlive(
  state: UdpKeepAliveState,
  input: UdpKeepAliveInput,
  context: UdpKeepAliveContext,
): UdpKeepAliveStep {
  return input.kind === 'timer' ? due(state, context) : answered(state, input.mapped, context);
}

function due(state: UdpKeepAliveState, context: UdpKeepAliveContext): UdpKeepAliveStep {
  const { sendings, plainLeft } = state;
  if (!context.hasStun || (state.name === 'plain' && plainLeft > 0)) {
    return {
      ...goOn({ ...state, name: 'plain', plainLeft: plainLeft - 1 }, context),
      send: 'crlf',
    };
  }
  const name = state.name === 'stun' ? 'stun' : 'asking';
  if (sendings === 0) {
    const next = { ...state, name, sendings: 1 } as const;
    return { state: next, send: 'ask', failed: undefined, timerMs: RTO_MS };
  }
  const most = name === 'stun' ? SENDINGS : FIRST_SENDINGS;
  if (sendings < most) {
    const isLast = sendings + 1 === SENDINGS;
    const timerMs = RTO_MS * (isLast ? LAST_RTOS : 2 ** sendings);
    return {
      state: { ...state, name, sendings: sendings + 1 },
      send: 'again',
      failed: undefined,
      timerMs,
    };
  }
  const plain = {
    ...state,
    name: 'plain',
    sendings: 0,
    mapped: undefined,
    plainLeft: PLAIN_IN_A_ROW,
  } as const;
  return { ...goOn(plain, context), send: 'crlf', failed: name === 'stun' ? 'silent' : undefined };
}

function answered(
  state: UdpKeepAliveState,
  mapped: string | undefined,
  context: UdpKeepAliveContext,
): UdpKeepAliveStep {
  // A copy of an answer that came already.
  if (state.sendings === 0)
    return { state, send: undefined, failed: undefined, timerMs: undefined };
  if (mapped === undefined) {
    const plain = { ...state, name: 'plain', sendings: 0, plainLeft: PLAIN_IN_A_ROW } as const;
    return goOn(plain, context);
  }
  const hasMoved = state.mapped !== undefined && state.mapped !== mapped;
  const step = goOn({ name: 'stun', sendings: 0, mapped, plainLeft: 0 }, context);
  return hasMoved ? { ...step, failed: 'moved' } : step;
}

function goOn(
  state: UdpKeepAliveState,
  { random, intervalMs }: UdpKeepAliveContext,
): UdpKeepAliveStep {
  return { state, send: undefined, failed: undefined, timerMs: between(random, ...intervalMs) };
}
