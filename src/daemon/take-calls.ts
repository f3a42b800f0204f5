/** The relay of calls: put together, and told what the configuration says and for whom calls may come in. */
import type { DaemonSpec } from '../config/daemon-spec.ts';
import { CallRelay, type RelayPorts } from '../core/sip/relay/relay.ts';
import type { SipStack } from '../core/sip/user-agent/stack.ts';
import { hostId } from '../net/host-id.ts';
import type { Assembly } from './assembly.ts';

export function makeRelay(ports: Omit<RelayPorts, 'secret' | 'told'>, stack: SipStack): CallRelay {
  // The same after a restart, so that calls which lived on are still recognised; it is hashed, never sent.
  const secret = `trunkd relay ${hostId()}`;
  const relay = new CallRelay({ ...ports, secret, told: stack.relayTold });
  stack.relay = relay;
  return relay;
}

export function takeCalls(
  { relay, callers }: Pick<Assembly, 'relay' | 'callers'>,
  { inbound, registrations }: Pick<DaemonSpec, 'inbound' | 'registrations'>,
): void {
  callers.setMembers(inbound.relay === undefined ? [] : registrations);
  relay.configure(inbound.relay, inbound.maxRate);
}
