/** What tells this machine from others and stays the same over restarts; for instance-ids (RFC 5626 4.1). */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

const MACHINE_ID = '/etc/machine-id';

/** The machine-id of systemd; in containers, which often have none, the host name. It is hashed, never sent. */
export function hostId(): string {
  return machineId() ?? hostname();
}

/** 32 hexadecimal digits that are known on this machine only; undefined where there are none that we may read. */
export function machineId(file: string = MACHINE_ID): string | undefined {
  try {
    const text = readFileSync(file, 'latin1').trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : undefined;
  } catch {
    // There is none, or it must not be read: whoever asks has another way.
    return undefined;
  }
}
