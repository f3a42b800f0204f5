/**
 * A range of accounts from one entry: `expand: { from: 1, to: 200, pad: 4 }` makes 200 registrations of
 * it, in each of which `{n}` in any text (user names, DDIs, ids, file names of passwords ...) is the
 * number, with leading zeros up to `pad` digits.
 */
import { isMap } from './merge-sources.ts';
import { type Complaint, under } from './problem.ts';
import { expandSection } from './schema/registration.ts';
import type { Environment } from './tidy.ts';
import { validate } from './validate.ts';

const PLACEHOLDER = '{n}';
const MOST = 100_000;
/** Nested deeper than any registration is. */
const DEEPEST = 8;

/** The items that a raw registration stands for; undefined when it is one by itself. */
export function expansion(
  raw: unknown,
  env: Environment,
  complaints: Complaint[],
): Iterable<unknown> | undefined {
  const section = isMap(raw) ? raw['expand'] : undefined;
  if (!isMap(raw) || section === undefined || section === null) return undefined;
  if (!isMap(section)) {
    complaints.push({ path: ['expand'], text: "'expand' has to be a section with keys" });
    return [];
  }
  const { expand: _, ...template } = raw;
  const checked = validate(expandSection, section, env);
  if (!checked.ok) {
    complaints.push(...under(['expand'], checked.complaints));
    return [];
  }
  const { from, to, pad = 1 } = checked.value;
  const wrong = faultOf(from, to, template['username']);
  if (wrong === undefined) return itemsOf(template, from, to, pad);
  complaints.push(wrong);
  return [];
}

function faultOf(from: number, to: number, username: unknown): Complaint | undefined {
  if (to < from) return { path: ['expand', 'to'], text: "'to' cannot be below 'from'" };
  if (to - from >= MOST) {
    return { path: ['expand', 'to'], text: `'expand' makes more than ${MOST} registrations` };
  }
  if (typeof username === 'string' && username.includes(PLACEHOLDER)) return undefined;
  const text = `'username' has to hold ${PLACEHOLDER}, where 'expand' puts the number`;
  return { path: ['username'], text };
}

function* itemsOf(template: object, from: number, to: number, pad: number): Generator<unknown> {
  for (let number = from; number <= to; number += 1) {
    yield filled(template, String(number).padStart(pad, '0'), 0);
  }
}

function filled(value: unknown, number: string, depth: number): unknown {
  if (typeof value === 'string') return value.replaceAll(PLACEHOLDER, number);
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return value;
  if (Array.isArray(value)) return value.map((one) => filled(one, number, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, filled(one, number, depth + 1)]),
  );
}
