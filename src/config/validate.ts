/** Runs the schema over a raw tree and says in plain words what does not fit. */
import type { z } from 'zod';
import { quoted } from './parse-yaml.ts';
import { type Complaint, firstWord, type PathStep } from './problem.ts';
import { nearestWord } from './suggest.ts';
import { type Borrowed, type Environment, type Tidied, tidy } from './tidy.ts';

export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly complaints: readonly Complaint[] };

/** Tidies and checks; the value that comes back shares nothing with the input. */
export function validate<S extends z.ZodType>(
  schema: S,
  raw: unknown,
  env: Environment,
): Validated<z.infer<S>> {
  const tidied = tidy(raw, env);
  let result = schema.safeParse(tidied.value);
  if (!result.success && convertBorrowed(result.error.issues, tidied.borrowed)) {
    result = schema.safeParse(tidied.value);
  }
  const complaints = [...tidied.complaints, ...unknownAndUnset(schema, tidied)];
  if (!result.success) complaints.push(...explain(schema, tidied, result.error.issues));
  return result.success && complaints.length === 0
    ? { ok: true, value: result.data }
    : { ok: false, complaints };
}

type Issue = z.core.$ZodIssue;

/** A number or boolean from the environment is a text; true when one was put right. */
function convertBorrowed(issues: readonly Issue[], borrowed: readonly Borrowed[]): boolean {
  let hasConverted = false;
  for (const slot of borrowed) {
    const issue = issues.find((candidate) => isSamePath(candidate.path, slot.path));
    if (issue?.code !== 'invalid_type' && issue?.code !== 'invalid_value') continue;
    const container = slot.parent as Record<PathStep, unknown>;
    const text = String(container[slot.key]);
    if (text === 'true' || text === 'false') container[slot.key] = text === 'true';
    else if (/^-?\d{1,15}(\.\d{1,6})?$/.test(text)) container[slot.key] = Number(text);
    else continue;
    hasConverted = true;
  }
  return hasConverted;
}

function isSamePath(a: readonly PropertyKey[], b: readonly PathStep[]): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}

/** The schema never sees a key without a value; a misspelt one is a mistake all the same. */
function unknownAndUnset(schema: z.ZodType, { unset, value }: Tidied): Complaint[] {
  const complaints: Complaint[] = [];
  for (const path of unset) {
    const key = path.at(-1);
    const section = schemaAt(schema, path.slice(0, -1));
    if (typeof key !== 'string' || section === undefined) continue;
    const known = keysOf(section);
    if (known.length === 0 || known.includes(key)) continue;
    complaints.push(unknownKey({ schema, value }, path.slice(0, -1), key));
  }
  return complaints;
}

function explain(schema: z.ZodType, tidied: Tidied, issues: readonly Issue[]): Complaint[] {
  return issues.flatMap((issue) => explainIssue({ schema, value: tidied.value }, issue, []));
}

interface Subject {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
}

function explainIssue(root: Subject, issue: Issue, prefix: readonly PathStep[]): Complaint[] {
  const path = [...prefix, ...issue.path.map(toStep)];
  const label = labelOf(path.at(-1));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key, index) => unknownKey(root, path, key, index < MAX_HINTS));
  }
  if (issue.code === 'invalid_union') {
    const inner = bestBranch(issue.errors, valueAt(root.value, path));
    if (inner !== undefined) return inner.flatMap((one) => explainIssue(root, one, path));
  }
  const value = valueAt(root.value, path);
  if (issue.code === 'invalid_key') {
    const text = `${label} ${issue.issues[0]?.message ?? 'is no good name'}`;
    return [{ path, isAboutKey: true, text }];
  }
  return [{ path, ...describe(issue, label, value) }];
}

function labelOf(step: PathStep | undefined): string {
  if (step === undefined) return 'this';
  return typeof step === 'number' ? `item ${step + 1}` : quoted(step);
}

/** Unknown keys of one section that get a hint; whoever has more has another file before him. */
const MAX_HINTS = 200;

function unknownKey(
  root: Subject,
  path: readonly PathStep[],
  key: string,
  isHinted = true,
): Complaint {
  const node = schemaAt(root.schema, path);
  return {
    path: [...path, key],
    isAboutKey: true,
    text: `the key ${quoted(key)} is not known here`,
    hint: isHinted && node !== undefined ? hintFor(key, keysOf(node)) : undefined,
  };
}

function hintFor(key: string, known: readonly string[]): string | undefined {
  const word = firstWord(key);
  if (word !== key && known.includes(word)) return `write a colon and a space behind '${word}'`;
  const near = nearestWord(key, known);
  return near === undefined ? undefined : `did you mean '${near}'?`;
}

/** The one alternative that the value was meant for: the one that got inside it. */
function bestBranch(
  branches: readonly (readonly Issue[])[],
  value: unknown,
): readonly Issue[] | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const inside = branches.filter((issues) => !issues.some(isWrongKind));
    // A map with a single reference key is judged by the reference that names that key.
    const right = inside.find((issues) => !issues.some((one) => one.code === 'unrecognized_keys'));
    return right ?? (inside.length === 1 ? inside[0] : undefined);
  }
  return branches.find((issues) => !issues.some(isWrongKind));
}

function isWrongKind(issue: Issue): boolean {
  return (
    issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
  );
}

function describe(issue: Issue, label: string, value: unknown): { text: string; hint?: string } {
  switch (issue.code) {
    case 'invalid_type':
      return describeType(issue, label, value);
    case 'invalid_value':
      return describeChoice(issue, label, value);
    case 'too_small':
      return { text: `${label} has to ${verbOf(issue.origin)} at least ${issue.minimum}` };
    case 'too_big':
      return { text: `${label} has to ${verbOf(issue.origin)} at most ${issue.maximum}` };
    default:
      return describeText(label, issue.message, value);
  }
}

function verbOf(origin: string): string {
  return origin === 'array' ? 'hold' : 'be';
}

function describeText(
  label: string,
  message: string,
  value: unknown,
): { text: string; hint?: string } {
  const text = /^(has|holds|is) /.test(message) ? `${label} ${message}` : `${label}: ${message}`;
  const isBare = typeof value === 'number' || typeof value === 'boolean';
  return isBare && message.includes('a text') ? { text, hint: 'quote it' } : { text };
}

function describeType(
  issue: Extract<Issue, { readonly code: 'invalid_type' }>,
  label: string,
  value: unknown,
): { text: string; hint?: string } {
  const { expected, message } = issue;
  if (value === undefined) return { text: `${label} is missing` };
  if (!message.startsWith('Invalid input')) return { text: `${label} ${message}` };
  const text = `${label} has to be ${KINDS.get(expected) ?? expected}`;
  if (expected !== 'string') return { text };
  if (typeof value === 'number' || typeof value === 'boolean') {
    return { text: `${text}, and a bare ${typeof value} may change on the way`, hint: 'quote it' };
  }
  return { text };
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['object', 'a section with keys'],
  ['record', 'a section with keys'],
  ['array', 'a list'],
]);

function describeChoice(
  issue: Extract<Issue, { readonly code: 'invalid_value' }>,
  label: string,
  value: unknown,
): { text: string; hint?: string } {
  if (value === undefined) return { text: `${label} is missing` };
  const choices = issue.values.map(String);
  if (choices.length === 1) return { text: `${label} ${issue.message}` };
  const text = `${label} has to be one of ${choices.join(', ')}`;
  const near = typeof value === 'string' ? nearestWord(value, choices) : undefined;
  if (near !== undefined) return { text, hint: `did you mean '${near}'?` };
  return { text };
}

function toStep(step: PropertyKey): PathStep {
  return typeof step === 'number' ? step : String(step);
}

function valueAt(root: unknown, path: readonly PathStep[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<PathStep, unknown>)[step];
  }
  return value;
}

/** The schema node of a path; where a union stands, its section. */
function schemaAt(root: z.core.$ZodType, path: readonly PathStep[]): z.core.$ZodType | undefined {
  let node: z.core.$ZodType | undefined = root;
  for (const step of path) {
    const def: z.core.$ZodTypes['_zod']['def'] | undefined = sectionOf(node);
    if (def?.type === 'object') node = Object.hasOwn(def.shape, step) ? def.shape[step] : undefined;
    else if (def?.type === 'array') node = def.element;
    else if (def?.type === 'record') node = def.valueType;
    else return undefined;
    if (node === undefined) return undefined;
  }
  return node;
}

function keysOf(node: z.core.$ZodType): readonly string[] {
  const def = sectionOf(node);
  return def?.type === 'object' ? Object.keys(def.shape) : [];
}

/** Looks through `optional`, and into the one section of a union. */
function sectionOf(node: z.core.$ZodType | undefined): z.core.$ZodTypes['_zod']['def'] | undefined {
  if (node === undefined) return undefined;
  // Zod's own union of all its node types; the schema holds no others.
  const def = (node as z.core.$ZodTypes)._zod.def;
  if (def.type === 'optional') return sectionOf(def.innerType);
  if (def.type !== 'union') return def;
  for (const option of def.options) {
    const inner = sectionOf(option);
    if (inner?.type === 'object') return inner;
  }
  return undefined;
}
