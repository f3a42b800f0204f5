/** What tells this machine from others and stays the same over restarts; for instance-ids (RFC 5626 4.1). */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

const MACHINE_ID = '/etc/machine-id';

/** The machine-id of systemd; in containers, which often have none, the host name. It is hashed, never sent. */
export function hostId(): string {
  try {
    const text = readFileSync(MACHINE_ID, 'latin1').trim();
    if (/^[0-9a-f]{32}$/.test(text)) return text;
  } catch {
    // There is none, or it must not be read: the host name does as well.
    return hostname();
  }
  return hostname();
}
