/** The relay of calls: put together, and told what the configuration says and for whom calls may come in. */
import type { DaemonSpec } from '../config/daemon-spec.ts';
import type { Random } from '../core/base/random.ts';
import { CallRelay, type RelayPorts } from '../core/sip/relay/relay.ts';
import type { SipStack } from '../core/sip/user-agent/stack.ts';
import { machineId } from '../net/host-id.ts';
import type { Assembly } from './assembly.ts';

const SECRET_DIGITS = 64;

export function makeRelay(
  ports: Omit<RelayPorts, 'secret' | 'told'> & { readonly random: Random },
  stack: SipStack,
): CallRelay {
  const secret = relaySecret(machineId(), ports.random);
  const relay = new CallRelay({ ...ports, secret, told: stack.relayTold });
  stack.relay = relay;
  return relay;
}

/**
 * The same after a restart where the machine has a secret of its own, so that calls which lived on are
 * still recognised. A host name can be guessed: without a machine-id the secret ends with the process.
 */
export function relaySecret(machine: string | undefined, random: Random): string {
  return `trunkd relay ${machine ?? random.hex(SECRET_DIGITS)}`;
}

export function takeCalls(
  { relay, callers }: Pick<Assembly, 'relay' | 'callers'>,
  { inbound, registrations }: Pick<DaemonSpec, 'inbound' | 'registrations'>,
): void {
  callers.setMembers(inbound.relay === undefined ? [] : registrations);
  relay.configure(inbound.relay, inbound.maxRate);
}
