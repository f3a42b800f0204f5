import { describe, expect, test } from 'vitest';
import { diffSpecs, guardReload } from '../../../src/config/diff.ts';
import { specOf } from '../../support/config/load-text.ts';

interface Account {
  readonly user: string;
  readonly keys?: string;
  readonly password?: string;
}

function textOf(accounts: readonly Account[], more = ''): string {
  const items = accounts.map(
    ({ user, keys = '', password = 'long-enough-secret' }) =>
      `      - { username: "${user}", domain: a.example, contact: self, auth: { password: "${password}" }, ${keys} }`,
  );
  return `peeringContracts:\n  - name: acme\n    registrations:\n${items.join('\n')}\n${more}`;
}

async function diffOf(before: string, after: string) {
  return diffSpecs(await specOf(before), await specOf(after));
}

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ user: `u${index}` }));
const FACTS = { files: [], bulkFiles: [], slices: 1 };

describe('what a reload changes', () => {
  test('nothing when the text means the same', async () => {
    const text = textOf(many(3), '    peerServers: [{ name: a, sipProxy: a.example }]\n');
    expect((await diffOf(text, `# a comment\n${text}`)).isEmpty).toBe(true);
  });

  test('registrations come, go and change', async () => {
    const before = textOf([{ user: 'same' }, { user: 'gone' }, { user: 'pw' }, { user: 'exp' }]);
    const after = textOf([
      { user: 'new' },
      { user: 'exp', keys: 'expires: 60' },
      { user: 'pw', password: 'another-long-secret' },
      { user: 'same' },
    ]);
    const { registrations, isEmpty } = await diffOf(before, after);
    expect(isEmpty).toBe(false);
    expect(registrations.added.map((one) => one.username)).toEqual(['new']);
    expect(registrations.removed.map((one) => one.username)).toEqual(['gone']);
    expect(registrations.changed.map((one) => one.after.username)).toEqual(['exp', 'pw']);
    expect(registrations.renamed).toEqual([]);
  });

  test('another id for the same account is a new name, not a new registration', async () => {
    const before = textOf([{ user: '1' }]);
    const { registrations } = await diffOf(before, textOf([{ user: '1', keys: 'id: main' }]));
    expect(registrations.renamed.map((one) => [one.before.id, one.after.id])).toEqual([
      ['1@a.example', 'main'],
    ]);
    expect([...registrations.added, ...registrations.removed]).toEqual([]);
  });

  test('a shared default changes all that use it', async () => {
    const text = textOf(many(100));
    const { registrations } = await diffOf(
      text,
      `defaults: { registration: { expires: 60 } }\n${text}`,
    );
    expect(registrations.changed).toHaveLength(100);
  });

  test('peer servers, contracts and top keys', async () => {
    const before = `
log: { level: info }
http: { bind: "127.0.0.1:1", token: one-token }
peeringContracts:
  - { name: acme, peerServers: [{ name: a, sipProxy: a.example }, { name: b, sipProxy: b.example }] }
  - { name: gone }
`;
    const after = `
log: { level: debug }
http: { bind: "127.0.0.1:1", token: another-token }
peeringContracts:
  - { name: acme, onAllDown: none, peerServers: [{ name: a, sipProxy: a.example, weight: 5 }, { name: c, sipProxy: c.example }] }
`;
    const diff = await diffOf(before, after);
    expect(diff.peerServers.added.map((one) => one.id)).toEqual(['acme/c']);
    expect(diff.peerServers.removed.map((one) => one.id)).toEqual(['acme/b']);
    expect(diff.peerServers.changed.map((one) => one.after.weight)).toEqual([5]);
    expect(diff.contracts.changed.map((one) => one.after.onAllDown)).toEqual(['none']);
    expect(diff.contracts.removed.map((one) => one.name)).toEqual(['gone']);
    expect(diff.hotKeys).toEqual(['log']);
    expect(diff.restartKeys).toEqual(['http']);
  });
});

describe('the guard against a reload that drops too much', () => {
  const guard = async (before: number, after: number) =>
    guardReload(await specOf(textOf(many(before))), await specOf(textOf(many(after))), FACTS);

  test('ten may always go, then one in twenty', async () => {
    expect(await guard(20, 10)).toBeUndefined();
    expect(await guard(20, 9)).toContain('drops 11 of 20 registrations, and 10 at most');
    expect(await guard(400, 380)).toBeUndefined();
    expect(await guard(400, 379)).toContain('drops 21 of 400 registrations, and 20 at most');
  });

  test('a new id is no loss', async () => {
    const before = await specOf(textOf(many(50)));
    const renamed = many(50).map(({ user }) => ({ user, keys: `id: "new-${user}"` }));
    expect(guardReload(before, await specOf(textOf(renamed)), FACTS)).toBeUndefined();
  });

  test('an empty bulk file is refused however little it dropped', async () => {
    const spec = await specOf(textOf(many(1)));
    const facts = { ...FACTS, bulkFiles: [{ path: 'accounts.ndjson', registrations: 0 }] };
    expect(guardReload(spec, spec, facts)).toContain('accounts.ndjson holds no registration');
  });
});
