/** What the schema says about a key besides its type: the source of the reference and of the JSON Schema. */
import { z } from 'zod';

export interface About {
  /** One sentence for the reference. */
  readonly description: string;
  readonly default?: unknown;
  /** A default that depends on something else, in words. */
  readonly defaultText?: string;
  readonly example?: unknown;
  readonly unit?: string;
  /** What a change of the key needs; `hot` where nothing is said. */
  readonly reload?: 'restart';
  readonly isSecret?: true;
}

/** An optional key. */
export function key<S extends z.ZodType>(schema: S, about: About): z.ZodOptional<S> {
  return schema.optional().meta({ ...about });
}

/** A key that has to be there. */
export function required<S extends z.ZodType>(schema: S, about: About): S {
  return schema.meta({ ...about });
}

/** What was said about a schema node. */
export function aboutOf(schema: z.core.$ZodType): Partial<About> {
  // Only this file writes to the registry, and it writes no other shape.
  return (z.globalRegistry.get(schema) ?? {}) as Partial<About>;
}

/** The release that brings what design and schema name already. */
