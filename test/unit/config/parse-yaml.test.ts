import { describe, expect, test } from 'vitest';
import { parseYaml } from '../../../src/config/parse-yaml.ts';
import { SourceMap } from '../../../src/config/source-map.ts';

function placeIn(text: string, path: readonly (string | number)[], ofKey = false): string {
  const parsed = parseYaml(text);
  const map = new SourceMap();
  map.add('f', parsed);
  const place = map.place(parsed.value, path, ofKey);
  return place === undefined ? 'nowhere' : `${place.line}:${place.column}`;
}

const TEXT = `a: 1
b:
  - x
  - { c: 2, "7": 3, d: [4] }
e: null
`;

describe('positions', () => {
  test.each([
    [['a'], '1:4', '1:1'],
    [['b'], '3:3', '2:1'],
    [['b', 0], '3:5', '3:5'],
    [['b', 1, 'c'], '4:10', '4:7'],
    [['b', 1, '7'], '4:18', '4:13'],
    [['b', 1, 'd', 0], '4:25', '4:25'],
    [['e'], '5:4', '5:1'],
  ])('%s', (path, value, key) => {
    expect(placeIn(TEXT, path)).toBe(value);
    expect(placeIn(TEXT, path, true)).toBe(key);
  });

  test('what is missing stands where it should be', () => {
    expect(placeIn(TEXT, ['b', 1, 'missing'])).toBe('4:5');
    expect(placeIn(TEXT, ['missing', 'deeper'])).toBe('1:1');
    expect(placeIn(TEXT, ['a', 'below a scalar'])).toBe('1:4');
  });

  test('a line cut from a longer file keeps its number', () => {
    const parsed = parseYaml('{"a": 1}');
    const map = new SourceMap();
    map.add('f', parsed, 41);
    expect(map.place(parsed.value, ['a'], false)).toEqual({ file: 'f', line: 42, column: 7 });
  });
});

describe('hostile texts', () => {
  test('special names give no object another prototype', () => {
    const parsed = parseYaml('__proto__: { polluted: 1 }\na: { constructor: 1, prototype: 2 }');
    expect(parsed.problems).toHaveLength(3);
    expect(parsed.value).toEqual({ a: {} });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('100,000 brackets are refused, not followed', () => {
    expect(parseYaml('['.repeat(100_000)).problems.length).toBeGreaterThan(0);
    expect(parseYaml('- '.repeat(20_000)).problems.length).toBeGreaterThan(0);
  });

  test('the number of problems has a limit', () => {
    const text = Array.from({ length: 5000 }, () => 'a: 1').join('\n');
    expect(parseYaml(text).problems).toHaveLength(200);
  });

  test('an error never quotes the text, which may hold a password', () => {
    for (const text of ['password: "CANARY', 'password: CANARY: x', '{"password":"CANARY" x}']) {
      const { problems } = parseYaml(text);
      expect(problems.length).toBeGreaterThan(0);
      expect(JSON.stringify(problems)).not.toContain('CANARY');
    }
  });

  test('numbers, booleans and texts are what YAML 1.2 says', () => {
    expect(parseYaml('[0123, 1e3, no, off, "5", ~, true, 0x10, 5060:1]').value).toEqual([
      123,
      1000,
      'no',
      'off',
      '5',
      null,
      true,
      16,
      '5060:1',
    ]);
  });
});
