/** The accounts of the demo's provider: what its registrar checks, and what the config gives to trunkd. */

export interface DemoUser {
  readonly username: string;
  readonly password: string;
  /** The one digest algorithm that the registrar asks of this account. */
  readonly algorithm: 'MD5' | 'SHA-256';
}

/** Realm of the registrar, and domain of the addresses of record. */
export const DOMAIN = 'acme.example';

export const CONTRACT = 'acme';

/** The last one is the one that fails now and then. */
export const SERVER_NAMES = ['madrid', 'seville', 'valencia'] as const;

/** Passwords of a provider that exists on this loopback only, for as long as the demo runs. */
export const USERS: readonly DemoUser[] = [
  { username: '34910000001', password: 'orange-tree-garden-1', algorithm: 'MD5' },
  { username: '34910000002', password: 'orange-tree-garden-2', algorithm: 'MD5' },
  { username: '34910000003', password: 'orange-tree-garden-3', algorithm: 'MD5' },
  { username: '34910000004', password: 'orange-tree-garden-4', algorithm: 'MD5' },
  { username: '34910000005', password: 'lemon-tree-garden-5', algorithm: 'SHA-256' },
  { username: '34910000006', password: 'lemon-tree-garden-6', algorithm: 'SHA-256' },
];
