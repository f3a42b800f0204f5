/**
 * The description of the API, made when somebody asks for it: by a server that has the same routes, never
 * listens, and is gone afterwards, so that what it needs is loaded by nobody else.
 */
import swagger from '@fastify/swagger';
import { type FastifyInstance, fastify } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { LateSchema } from './late-schema.ts';

export interface Description {
  readonly version: string;
  readonly hasToken: boolean;
  /** Adds the routes that are described. */
  readonly addRoutes: (app: FastifyInstance) => void;
}

/** OpenAPI 3.1, as JSON. */
export async function describeApi({ version, hasToken, addRoutes }: Description): Promise<string> {
  const app = fastify({ logger: false });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'trunkd',
        description: 'Registrations, peering contracts and peer servers of one trunkd.',
        version,
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: hasToken ? [{ token: [] }] : [],
    },
    transform: (route) =>
      jsonSchemaTransform({ ...route, schema: withLoaded(route.schema) as typeof route.schema }),
  });
  const late: LateSchema<z.ZodType>[] = [];
  app.addHook('onRoute', ({ schema }) => {
    late.push(...lateIn(schema));
  });
  addRoutes(app);
  await app.ready();
  await Promise.all(late.map((schema) => schema.load()));
  const document = JSON.stringify(app.swagger());
  await app.close();
  return document;
}

/** All schemas of a route, also those of its answers. */
function lateIn(schema: unknown): readonly LateSchema<z.ZodType>[] {
  if (schema instanceof LateSchema) return [schema];
  return isPlain(schema) ? Object.values(schema).flatMap(lateIn) : [];
}

/** The same with what was loaded in their places. */
function withLoaded(schema: unknown): unknown {
  if (schema instanceof LateSchema) return schema.loaded.schema;
  if (!isPlain(schema)) return schema;
  return Object.fromEntries(Object.entries(schema).map(([key, one]) => [key, withLoaded(one)]));
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
