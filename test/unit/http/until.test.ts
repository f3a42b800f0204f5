import { expect, it } from 'vitest';
import { parseUntil } from '../../../src/http/until.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

it.each([
  ['30s', 30_000],
  ['90m', 5_400_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['2026-03-01T12:00:05Z', 5_000],
  ['2026-03-01T14:00+01:00', 3_600_000],
  ['2026-03-01T11:59:59Z', undefined],
  ['400d', undefined],
  ['2099-01-01T00:00Z', undefined],
  ['0s', undefined],
  ['1', undefined],
  ['tomorrow', undefined],
  ['2026-13-45T99:99', undefined],
  ['', undefined],
])('%s', (text, ms) => {
  expect(parseUntil(text, NOW)).toBe(ms);
});
