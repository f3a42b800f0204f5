/**
 * What happens to a raw tree before the schema sees it: `{ env: NAME }` becomes the variable's text,
 * an empty text or nothing at all counts as unset, and names that JavaScript treats specially are
 * refused. Secrets keep their reference; secrets.ts resolves them.
 */
import { FORBIDDEN_KEYS, MAX_DEPTH } from './parse-yaml.ts';
import type { Complaint, PathStep } from './problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Tidied {
  readonly value: unknown;
  readonly complaints: readonly Complaint[];
  /** Scalars that came from the environment: always texts, whatever the key wants. */
  readonly borrowed: readonly Borrowed[];
  /** Keys without a value, which are left out of it: they have to be known all the same. */
  readonly unset: readonly (readonly PathStep[])[];
}

export interface Borrowed {
  readonly parent: Record<string, unknown> | unknown[];
  readonly key: PathStep;
  readonly path: readonly PathStep[];
}

/** Never changes its input. */
export function tidy(raw: unknown, env: Environment): Tidied {
  const run: Run = { env, complaints: [], borrowed: [], unset: [] };
  const root: Record<string, unknown> = {};
  put(run, { parent: root, key: 'root', path: [] }, raw);
  return {
    value: root['root'],
    complaints: run.complaints,
    borrowed: run.borrowed,
    unset: run.unset,
  };
}

interface Run {
  readonly env: Environment;
  readonly complaints: Complaint[];
  readonly borrowed: Borrowed[];
  readonly unset: (readonly PathStep[])[];
}

function put(run: Run, slot: Borrowed, raw: unknown): void {
  if (raw === null || raw === '' || raw === undefined) {
    // A list keeps its hole, so that the items after it keep their numbers; the schema refuses it.
    if (Array.isArray(slot.parent)) store(slot, '');
    else run.unset.push(slot.path);
  } else if (typeof raw !== 'object') {
    store(slot, raw);
  } else if (slot.path.length > MAX_DEPTH) {
    run.complaints.push({ path: slot.path, text: `is nested deeper than ${MAX_DEPTH} levels` });
  } else if (Array.isArray(raw)) {
    putList(run, slot, raw);
  } else {
    const variable = environmentName(raw, slot.path);
    if (variable === undefined) putMap(run, slot, raw);
    else putVariable(run, slot, variable);
  }
}

function putList(run: Run, slot: Borrowed, raw: readonly unknown[]): void {
  const list: unknown[] = [];
  store(slot, list);
  for (const [key, item] of raw.entries()) {
    put(run, { parent: list, key, path: [...slot.path, key] }, item);
  }
}

function putMap(run: Run, slot: Borrowed, raw: object): void {
  const map: Record<string, unknown> = {};
  store(slot, map);
  for (const [key, item] of Object.entries(raw)) {
    const path = [...slot.path, key];
    if (FORBIDDEN_KEYS.has(key)) {
      const text = `the key ${key} is not allowed anywhere`;
      run.complaints.push({ path, isAboutKey: true, text });
    } else {
      put(run, { parent: map, key, path }, item);
    }
  }
}

function putVariable(run: Run, slot: Borrowed, name: string): void {
  const text = run.env[name];
  if (text === undefined) {
    run.complaints.push({ path: slot.path, text: `the environment variable ${name} is not set` });
    return;
  }
  if (text === '') return;
  store(slot, text);
  run.borrowed.push(slot);
}

function store(slot: Borrowed, value: unknown): void {
  // Lists and maps alike; a map's forbidden keys never come here.
  (slot.parent as Record<PathStep, unknown>)[slot.key] = value;
}

/** The variable's name where the map is `{ env: NAME }` and stands for a scalar. */
function environmentName(raw: object, path: readonly PathStep[]): string | undefined {
  const last = path.at(-1);
  if (last === undefined || PLAIN_MAPS.has(last) || SECRET_KEYS.has(last)) return undefined;
  const keys = Object.keys(raw);
  if (keys.length !== 1 || keys[0] !== 'env') return undefined;
  const name = (raw as { readonly env: unknown }).env;
  const isName = typeof name === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name);
  return isName ? name : undefined;
}

/** Maps with names of the operator's own: `env` is a fine label. */
const PLAIN_MAPS: ReadonlySet<PathStep> = new Set(['labels', 'metadata', 'presets']);
const SECRET_KEYS: ReadonlySet<PathStep> = new Set(['password', 'ha1', 'token']);
