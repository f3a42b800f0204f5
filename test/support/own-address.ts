/**
 * Addresses that come and go on the loopback interface, for tests of an address that is not there yet.
 * They are of the blocks for documentation (RFC 5737); tests run in a network namespace of their own.
 */
import { run } from './processes.ts';

export async function addAddress(address: string): Promise<void> {
  await run('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
}

export async function removeAddress(address: string): Promise<void> {
  await run('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']);
}

/** The way to 198.51.100.0/24 leaves from that address from now on. */
export async function routeFrom(address: string): Promise<void> {
  await run('ip', ['route', 'replace', '198.51.100.0/24', 'dev', 'lo', 'src', address]);
}
