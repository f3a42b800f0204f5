import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseYaml } from '../../../src/config/parse-yaml.ts';
import { PlainRegistrations } from '../../../src/config/plain-registration.ts';
import { registrationSchema } from '../../../src/config/schema/registration.ts';
import { SourceMap } from '../../../src/config/source-map.ts';
import { validate } from '../../../src/config/validate.ts';
import { loadText } from '../../support/config/load-text.ts';

const KEYS = [
  'version',
  'peeringContracts',
  'name',
  'peerServers',
  'registrations',
  'registrationsFrom',
  'username',
  'domain',
  'auth',
  'password',
  'env',
  'defaults',
  'presets',
  'http',
  'localSockets',
  'probe',
  'labels',
  'include',
  '__proto__',
  'constructor',
  'toString',
];

const scalar = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, '', 'off', 'udp', 'self', 'sip:a.example', '192.0.2.1:5060', '0.0.0.0:0'),
);

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    scalar,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 6 })), tie('tree'), {
      maxKeys: 5,
    }),
  ),
}));

/** Pieces of YAML that mean something, in any order. */
const yamlText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...KEYS.map((key) => `${key}: `)),
      fc.constantFrom(
        '\n',
        '\n  ',
        '\n    - ',
        '{',
        '}',
        '[',
        ']',
        ', ',
        '"',
        '&a ',
        '*a',
        '!!x ',
        '? ',
        '| ',
        '\t',
        '#',
        '---\n',
        '%YAML 1.1\n',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

describe('the loader', () => {
  test('never throws, whatever the text; what it refuses has a place', async () => {
    const check = async (text: string) => {
      const result = await loadText(text);
      const told = result.ok ? result.warnings : result.problems;
      if (!result.ok) expect(told.length).toBeGreaterThan(0);
      for (const problem of told) {
        expect(problem.line).toBeGreaterThan(0);
        expect(problem.column).toBeGreaterThan(0);
      }
    };
    await fc.assert(fc.asyncProperty(yamlText, check), { numRuns: 1000 });
    await fc.assert(
      fc.asyncProperty(
        tree.map((value) => JSON.stringify(value)),
        check,
      ),
      {
        numRuns: 1500,
      },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('whatever loads holds no line break in anything that goes on the wire', async () => {
    const nasty = fc.string({
      unit: fc.constantFrom('a', '1', '\r', '\n', '\0', ' ', '<', '>', '"', ';', '@'),
    });
    await fc.assert(
      fc.asyncProperty(
        nasty,
        fc.constantFrom('username', 'domain', 'ddi', 'contact', 'registrar'),
        async (text, key) => {
          const item = {
            username: 'u',
            domain: 'a.example',
            contact: 'self',
            auth: { password: 'long-enough-secret' },
            [key]: text,
          };
          const result = await loadText(
            JSON.stringify({ peeringContracts: [{ name: 'acme', registrations: [item] }] }),
          );
          if (result.ok) expect(JSON.stringify(result.spec)).not.toMatch(/\\[rnu]/);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('positions', () => {
  test('lead back to the value, for every path of every JSON text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify([value], null, 1);
        const parsed = parseYaml(text);
        fc.pre(parsed.problems.length === 0);
        const map = new SourceMap();
        map.add('f', parsed);
        const lines = text.split('\n');
        walk(parsed.value, [], (path, leaf) => {
          const place = map.place(parsed.value, path, false);
          const rest = lines[(place?.line ?? 0) - 1]?.slice((place?.column ?? 0) - 1) ?? '';
          expect(rest.startsWith(JSON.stringify(leaf).slice(0, 1))).toBe(true);
          if (typeof leaf === 'string') expect(rest.startsWith(JSON.stringify(leaf))).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
  });
});

function walk(
  value: unknown,
  path: readonly (string | number)[],
  visit: (path: readonly (string | number)[], leaf: unknown) => void,
): void {
  visit(path, value);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    walk(child, [...path, Array.isArray(value) ? Number(key) : key], visit);
  }
}

describe('the short way through the bulk file', () => {
  const GOOD: Readonly<Record<string, readonly unknown[]>> = {
    id: ['u1', 'a+b@c.d', 'x'.repeat(64)],
    username: ['100', '+34911', "a%20b-_.!~*'()&=+$,;?/"],
    ddi: ['34911234567', 'x'.repeat(64)],
    domain: ['a.example', '192.0.2.1', '[2001:db8::1]', 'a.example.'],
    registrar: ['sip:a.example', 'SIPS:a.example:5061;transport=tls', 'sip:[::1];lr'],
    outboundProxy: ['198.51.100.7:5060', 'sip:a.example;transport=tcp', '::1'],
    contact: ['self', '203.0.113.10:5060', 'a.example'],
    expires: [5, 3600, 604_800],
    transport: ['udp', 'tcp', 'tls', 'auto'],
    localSocket: ['udp'],
    onRemove: ['unregister', 'keep'],
    admin: ['up', 'drain', 'off'],
    sourceCheck: ['host', 'strict', 'set', 'off'],
    preset: ['quiet'],
    auth: [{}, { username: 'é', password: 'a b', realm: '"' }, { ha1: 'x', realm: 'y' }],
  };
  const strange = fc.oneof(
    scalar,
    fc.string({ maxLength: 70 }),
    fc.constantFrom(
      'a b',
      'x@y',
      '::1',
      'toString',
      '__proto__',
      {},
      [],
      { env: 'X' },
      { password: 5 },
    ),
    fc.integer({ min: 0, max: 700_000 }),
    fc.dictionary(fc.constantFrom('username', 'password', 'ha1', 'realm', 'x'), scalar),
    fc.constantFrom(...Object.values(GOOD).flat()),
  );
  const entry = fc
    .constantFrom(...Object.keys(GOOD))
    .chain((key) =>
      fc.tuple(
        fc.constant(key),
        fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom(...(GOOD[key] ?? [])) },
          { weight: 1, arbitrary: strange },
        ),
      ),
    );
  const line = fc
    .tuple(
      fc.array(entry, { maxLength: 8 }),
      fc.oneof(
        { weight: 4, arbitrary: fc.constant(null) },
        {
          weight: 1,
          arbitrary: fc.tuple(
            fc.constantFrom('other', 'toString', '__proto__', 'via', 'tls'),
            strange,
          ),
        },
      ),
    )
    .map(([entries, odd]) => {
      const all = [['username', '100'] as const, ...entries, ...(odd === null ? [] : [odd])];
      return Object.fromEntries(all);
    });

  test('accepts nothing that the schema refuses, and changes nothing', () => {
    const plain = new PlainRegistrations();
    let accepted = 0;
    let good = 0;
    fc.assert(
      fc.property(line, (raw) => {
        const parsed: unknown = JSON.parse(JSON.stringify(raw));
        const verdict = validate(registrationSchema, parsed, {});
        if (verdict.ok) good += 1;
        if (!plain.accepts(parsed)) return;
        accepted += 1;
        expect(verdict).toEqual({ ok: true, value: parsed });
      }),
      { numRuns: 20_000 },
    );
    // Both say yes often enough for the test to mean something; the short way misses little.
    expect(accepted).toBeGreaterThan(4000);
    expect(accepted).toBeGreaterThan(0.9 * good);
  });

  test('accepts what bulk files are made of', () => {
    const plain = new PlainRegistrations();
    const item = {
      id: 'u000001',
      username: 'u000001',
      domain: 'bench.example',
      auth: { username: 'a', password: 'pwu000001', realm: 'bench' },
      ddi: 'u000001',
      localSocket: 'bench',
      expires: 3600,
      registrar: 'sip:127.0.0.1:5080;transport=tcp',
      contact: '203.0.113.10:5060',
      admin: 'up',
    };
    expect(plain.accepts(item)).toBe(true);
  });
});
