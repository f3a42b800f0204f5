import { describe, expect, test } from 'vitest';
import { loadText, problemsOf, specOf } from '../../support/config/load-text.ts';

const registration = (keys: string) => `
peeringContracts:
  - name: acme
    registrations:
      - { domain: acme.example, contact: "203.0.113.10", auth: { password: "secret-{n}" }, ${keys} }`;

describe('expand', () => {
  test('makes a registration of each number, padded, in every text', async () => {
    const { registrations } = await specOf(
      registration(
        'id: "l-{n}", username: "49{n}", ddi: "d{n}x{n}", expand: { from: 8, to: 11, pad: 3 }',
      ),
    );
    expect(registrations.map(({ id, username, ddi }) => [id, username, ddi])).toEqual(
      ['008', '009', '010', '011'].map((n) => [`l-${n}`, `49${n}`, `d${n}x${n}`]),
    );
    expect(registrations[2]?.credentials.password?.reveal()).toBe('secret-010');
    expect(registrations[2]?.credentials.username).toBe('49010');
    // What they have in common is kept once.
    expect(new Set(registrations.map(({ profile }) => profile)).size).toBe(1);
  });

  test('without pad the number has as many digits as it needs', async () => {
    const { registrations } = await specOf(
      registration('username: "{n}", expand: { from: 9, to: 10 }'),
    );
    expect(registrations.map(({ username }) => username)).toEqual(['9', '10']);
  });

  test('a fault of all is told once', async () => {
    const text = registration('username: "{n}", preset: nothing, expand: { from: 1, to: 5000 }');
    expect(problemsOf(await loadText(text))).toHaveLength(1);
  });

  test('{n} without expand is a text like any other', async () => {
    const text = registration('username: "1", labels: { a: "{n}" }');
    expect((await specOf(text)).registrations[0]?.profile.labels).toEqual({ a: '{n}' });
  });
});

describe('what only few want in their REGISTER', () => {
  const styleOf = async (keys: string) =>
    (await specOf(registration(`username: "1", ${keys}`))).registrations[0]?.profile.style;

  test('is nothing for all others', async () => {
    expect(await styleOf('onRemove: keep')).toBeUndefined();
  });

  test('is ready to be sent', async () => {
    const keys =
      'headers: { X-A: "1", X-Name: "José" }, line: true, from: { user: main }, contactParameters: ";q=1"';
    expect(await styleOf(keys)).toEqual({
      from: { user: 'main', domain: 'acme.example' },
      headers: 'X-A: 1\r\nX-Name: Jos\u00c3\u00a9\r\n',
      uriParameters: '',
      parameters: ';q=1',
      hasLine: true,
      mode: 'single',
      moreContacts: [],
    });
  });

  test('gin by a default has no Contact user either, whoever stands before it', async () => {
    const text = `
peeringContracts:
  - name: acme
    defaults: { registration: { mode: gin, domain: acme.example, contact: "203.0.113.10" } }
    registrations:
      - { username: "100", auth: { password: long-enough-secret } }
      - { username: "200", ddi: "200", auth: { password: long-enough-secret } }`;
    expect(problemsOf(await loadText(text))).toEqual([
      expect.stringMatching(/^trunkd\.yaml:7:\d+: mode: gin has no Contact user/),
    ]);
  });

  test('several Contacts: the first is the Contact, the others go with it', async () => {
    const text = registration(
      'username: "1", contacts: [self, "pbx.example", { address: "[::1]:5", q: 0.25 }]',
    ).replace('contact: "203.0.113.10", ', '');
    const { profile } = (await specOf(text)).registrations[0] ?? {};
    expect(profile?.contact).toEqual({ kind: 'self' });
    expect(profile?.style?.moreContacts).toEqual([
      { hostPort: 'pbx.example', parameters: '' },
      { hostPort: '[::1]:5', parameters: ';q=0.25' },
    ]);
  });

  test('several registrars are legs; one in a list is none', async () => {
    const legs = async (list: string) =>
      (await specOf(registration(`username: "1", registrars: [${list}], registrarMode: serial`)))
        .registrations[0]?.profile;
    const two = await legs('"sip:a.example", "sips:b.example"');
    expect(two?.legs?.mode).toBe('serial');
    expect(two?.legs?.profiles.map(({ scheme, hop }) => [scheme, hop.host])).toEqual([
      ['sip', 'a.example'],
      ['sips', 'b.example'],
    ]);
    expect(two?.hop.host).toBe('a.example');
    const one = await legs('"sip:a.example"');
    expect([one?.legs, one?.hop.host]).toEqual([undefined, 'a.example']);
  });
});
