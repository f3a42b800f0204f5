/**
 * Schemas that are loaded when a request needs one of them first. zod and all that belongs to it are a tenth
 * of the memory of a small daemon, and one that is only scraped (/metrics, /readyz) never needs them.
 *
 *   route (compileLate: nothing yet) -> request -> loadLate, once -> checked by the schema
 */
import type {
  FastifyReply,
  FastifyRequest,
  FastifySchemaCompiler,
  FastifyTypeProvider,
  HookHandlerDoneFunction,
} from 'fastify';
import type { z } from 'zod';
import { assert } from '../core/base/assert.ts';

type Check = ReturnType<FastifySchemaCompiler<unknown>>;

interface Loaded<Schema> {
  readonly schema: Schema;
  readonly check: Check;
}

/** The place of a schema, in routes. */
export class LateSchema<Schema extends z.ZodType> {
  readonly #find: () => Promise<Schema>;
  #loaded: Loaded<Schema> | undefined;

  constructor(find: () => Promise<Schema>) {
    this.#find = find;
  }

  get isLoaded(): boolean {
    return this.#loaded !== undefined;
  }

  /** The schema, and what checks by it; `load` comes first. */
  get loaded(): Loaded<Schema> {
    assert(this.#loaded !== undefined, 'a schema is loaded before it is used');
    return this.#loaded;
  }

  async load(): Promise<void> {
    const [provider, schema] = await Promise.all([
      import('fastify-type-provider-zod'),
      this.#find(),
    ]);
    this.#loaded ??= { schema, check: provider.validatorCompiler({ schema, method: '', url: '' }) };
  }
}

/** The schemas that a module exports, by their names. */
export function schemasOf<Module extends Readonly<Record<string, z.ZodType>>>(
  load: () => Promise<Module>,
): <Name extends keyof Module>(name: Name) => LateSchema<Module[Name]> {
  return (name) => new LateSchema(async () => (await load())[name]);
}

/** Types of what a handler gets and gives, by the schemas of its route. */
export interface LateTypes extends FastifyTypeProvider {
  validator: this['schema'] extends LateSchema<infer Schema> ? z.output<Schema> : unknown;
  serializer: this['schema'] extends LateSchema<infer Schema> ? z.output<Schema> : unknown;
}

/** Every route is made with it; it needs `loadLate` before each check. */
export const compileLate: FastifySchemaCompiler<unknown> = ({ schema }) => {
  assert(schema instanceof LateSchema, 'every schema of ours comes late');
  return (data: unknown) => schema.loaded.check(data);
};

/** The hook that loads what the request is to be checked by. */
export function loadLate(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const { params, querystring, body } = request.routeOptions.schema ?? {};
  const missing = [params, querystring, body].filter(
    (one) => one instanceof LateSchema && !one.isLoaded,
  ) as readonly LateSchema<z.ZodType>[];
  if (missing.length === 0) done();
  else Promise.all(missing.map((one) => one.load())).then(() => done(), done);
}
