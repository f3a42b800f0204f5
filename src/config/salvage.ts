/** Goes on with the good keys of a section when others are bad, so that all problems come at once. */
import type { z } from 'zod';
import { isMap } from './merge-sources.ts';
import type { Complaint, PathStep } from './problem.ts';
import type { Environment } from './tidy.ts';
import { validate } from './validate.ts';

export interface Salvaged<T> {
  readonly settings: T;
  readonly complaints: readonly Complaint[];
  /** The keys that were left out. */
  readonly broken: ReadonlySet<PathStep>;
  /** False when nothing at all could be used. */
  readonly isUsable: boolean;
}

/** Validates; keys with problems give way to those of `fallback`, which holds every required key. */
export function validateOrSalvage<S extends z.ZodType>(
  schema: S,
  raw: unknown,
  fallback: z.infer<S>,
  env: Environment,
): Salvaged<z.infer<S>> {
  const first = validate(schema, raw, env);
  if (first.ok) {
    return { settings: first.value, complaints: [], broken: new Set(), isUsable: true };
  }
  const { complaints } = first;
  const broken = new Set(complaints.map((one) => one.path[0] ?? ''));
  const rest = isMap(raw) ? { ...raw } : {};
  for (const key of broken) delete rest[key];
  const known: unknown = fallback;
  const second = validate(schema, { ...(isMap(known) ? known : {}), ...rest }, env);
  return second.ok && isMap(raw)
    ? { settings: second.value, complaints, broken, isUsable: true }
    : { settings: fallback, complaints, broken, isUsable: false };
}
