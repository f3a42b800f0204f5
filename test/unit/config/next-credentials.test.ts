/** `auth.next` as it is configured. */
import { expect, it } from 'vitest';
import { toCredentials } from '../../../src/config/credentials.ts';
import type { Complaint } from '../../../src/config/problem.ts';
import type { SecretReader } from '../../../src/config/secrets.ts';

const SECRETS = {
  readSecret: (source: unknown) => ({ kind: 'text', text: String(source) }),
} as unknown as SecretReader;

function read(auth: Parameters<typeof toCredentials>[0]) {
  const complaints: Complaint[] = [];
  const made = toCredentials(auth, 'alice', SECRETS, complaints);
  const revealed = made?.next?.password?.reveal() ?? made?.next?.ha1?.reveal();
  return { made, revealed, told: complaints.map(({ text }) => text) };
}

it('has the user name and the realm of the present ones, unless it says otherwise', () => {
  const { made, revealed } = read({
    ...{ username: 'acct', password: 'old', realm: 'acme' },
    next: { password: 'new' },
  });
  expect(made?.next).toMatchObject({ username: 'acct', realm: 'acme' });
  expect(revealed).toBe('new');
  const other = read({ password: 'old', next: { username: 'bob', password: 'new' } });
  expect(other.made?.next?.username).toBe('bob');
  expect(other.made?.username).toBe('alice');
});

it('may be a hash, of the same realm', () => {
  const ha1 = '0123456789abcdef0123456789ABCDEF';
  expect(read({ password: 'old', realm: 'acme', next: { ha1 } }).revealed).toBe(ha1.toLowerCase());
  expect(read({ password: 'old', next: { ha1 } })).toMatchObject({
    ...{ made: undefined, told: ["'ha1' needs 'realm': it is made for one realm"] },
  });
});

it('has to hold a secret, and another one', () => {
  expect(read({ password: 'old', next: {} })).toMatchObject({
    ...{ made: undefined, told: ["'password' is missing"] },
  });
  const same = read({ password: 'old', next: { password: 'old' } });
  expect(same.made?.next).toBeUndefined();
  expect(same.told).toEqual(["'next' holds the present credentials: it is left out"]);
});
