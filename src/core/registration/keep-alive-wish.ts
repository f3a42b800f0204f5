/** Whether and how the flow of a binding is kept alive (design.md 6; RFC 5626 section 4.4). Pure. */
import type { KeepAlivePolicy, KeepAliveWish } from '../sip/keep-alive/ports.ts';
import type { Flow } from '../sip/transport/ports.ts';

/** What the last 2xx said. */
interface FlowNeeds {
  readonly isBehindNat: boolean;
  readonly hasOutbound: boolean;
  readonly flowTimerSec: number | undefined;
}

/**
 * Undefined: not at all. Connections are always pinged by the edge; here they are told when the other side
 * wants it more often, or owes a pong. UDP with `auto` is kept open where a NAT or outbound needs it.
 */
export function wishOf(
  policy: KeepAlivePolicy,
  { protocol }: Flow,
  { isBehindNat, hasOutbound, flowTimerSec }: FlowNeeds,
): KeepAliveWish | undefined {
  const isPongDue = hasOutbound;
  if (protocol !== 'udp') return { kind: 'crlf', flowTimerSec, isPongDue };
  if (policy === 'off') return undefined;
  const isNeeded = isBehindNat || hasOutbound || flowTimerSec !== undefined;
  if (policy === 'auto' && !isNeeded) return undefined;
  return { kind: policy === 'crlf' ? 'crlf' : 'stun', flowTimerSec, isPongDue };
}
