import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diffSpecs } from '../../../src/config/diff.ts';
import { specOf } from '../../support/config/load-text.ts';

interface Account {
  readonly user: number;
  readonly id: string | undefined;
  readonly expires: number;
}

const account = fc.record({
  user: fc.integer({ min: 0, max: 9 }),
  id: fc.constantFrom(undefined, undefined, 'a', 'b', 'c'),
  expires: fc.constantFrom(60, 600),
});

/** No user twice and no id twice, in any order. */
const accounts = fc
  .uniqueArray(account, { maxLength: 8, selector: (one) => one.user })
  .map((list) =>
    list.filter((one, at) => !one.id || list.findIndex((x) => x.id === one.id) === at),
  );

function specWith(list: readonly Account[]) {
  const registrations = list.map(({ user, id, expires }) => ({
    ...(id === undefined ? {} : { id }),
    username: `u${user}`,
    domain: 'a.example',
    contact: 'self',
    expires,
    auth: { password: 'long-enough-secret' },
  }));
  return specOf(JSON.stringify({ peeringContracts: [{ name: 'acme', registrations }] }));
}

test('the old list with the changes applied is the new list, and the rest is the same', async () => {
  await fc.assert(
    fc.asyncProperty(accounts, accounts, async (older, newer) => {
      const [before, after] = await Promise.all([specWith(older), specWith(newer)]);
      const { added, removed, changed, renamed } = diffSpecs(before, after).registrations;
      const left = new Set(before.registrations);
      for (const one of removed) expect(left.delete(one)).toBe(true);
      for (const { before: old } of [...changed, ...renamed]) expect(left.delete(old)).toBe(true);
      const result = [...left, ...added, ...[...changed, ...renamed].map((one) => one.after)];

      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      expect(result.toSorted(byId)).toEqual(after.registrations.toSorted(byId));
      // What is called the same has to be the same: nothing needless is done to it.
      for (const { before: old, after: one } of changed) expect(old).not.toEqual(one);
    }),
    { numRuns: 500 },
  );
});
