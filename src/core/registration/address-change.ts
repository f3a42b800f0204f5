/**
 * Our own address towards some peers is another one now (a new lease, another interface, a socket that
 * was opened late or changed by a reload). The registrar saw us at the old one: what is registered over
 * that local socket registers again, spread over some seconds, those first whose binding ends first; the
 * pacer does the rest. Whoever waits for its next try because there was no way out does not wait longer.
 */
import type { LocalAddressChange } from '../sip/transport/ports.ts';
import { CROWD_SPREAD_MS, markCrowd, turnsOf } from './crowd.ts';
import type { Entry } from './entry.ts';
import type { Machinist } from './machinist.ts';

export function followAddress(
  machinist: Machinist,
  entries: Iterable<Entry>,
  change: LocalAddressChange,
): void {
  const concerned = whoIsConcerned(entries, change);
  markCrowd(concerned);
  for (const { entry, at } of turnsOf(concerned, CROWD_SPREAD_MS, machinist.now())) {
    machinist.feed(entry, { kind: 'wayChanged', againAt: at });
  }
}

/** Those that the change concerns. */
function whoIsConcerned(entries: Iterable<Entry>, change: LocalAddressChange): Entry[] {
  const concerned: Entry[] = [];
  for (const entry of entries) if (isConcerned(entry, change)) concerned.push(entry);
  return concerned;
}

function isConcerned({ spec, gate }: Entry, change: LocalAddressChange): boolean {
  const { localSocket, hop } = spec.profile;
  const isItsSocket =
    localSocket === undefined ? change.isDefault : localSocket === change.localSocket;
  if (!isItsSocket) return false;
  // It never got as far as a target.
  if (gate === undefined) {
    return change.remotes === undefined && (hop.protocol ?? change.protocol) === change.protocol;
  }
  const { protocol, family, address } = gate.target;
  const isItsKind = protocol === change.protocol && family === change.family;
  return isItsKind && (change.remotes?.has(address) ?? true);
}
