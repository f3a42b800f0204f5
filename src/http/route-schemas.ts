/** The shapes of `GET /v1/route`, whose answer is made by src/core/routing/document.ts, and of what is pulled. */
import { z } from 'zod';
import { HTTP_LIMITS } from './limits.ts';

const text = z.string().min(1, 'is empty').max(HTTP_LIMITS.parameterOctets);

export const routeQuery = z.strictObject({
  contract: text.describe('name of the peering contract'),
  to: text.describe('the called number: the user part of the Request-URI; + is %2B'),
  from: text.describe('the calling number: the user part of From; anonymous for none'),
  key: text.optional().describe('for balance: hash; default: the calling number'),
  domain: text
    .optional()
    .describe(
      'host[:port] of From, P-Asserted-Identity and Remote-Party-ID where the configuration names none; default: the contact of via, else the SIP proxy',
    ),
  realm: text
    .optional()
    .describe('the realm of a challenge, for the credentials where the configuration names none'),
  format: z.enum(['rtjson', 'plain']).default('rtjson'),
});

const auth = z
  .object({
    username: z.string(),
    realm: z.string().nullable().describe('null: ask again with the realm of the challenge'),
    ha1: z.string().nullable().describe('H(username:realm:password)'),
    algorithm: z.string(),
  })
  .optional()
  .describe('only for a token with the role route, where the server has credentials');

const head = {
  contract: z.string(),
  metadata: z.record(z.string(), z.string()),
  reason: z
    .object({ code: z.string(), text: z.string() })
    .nullable()
    .describe('why there is no route'),
};

const rtjson = z.object({
  success: z.literal(true),
  version: z.literal('1.0'),
  routing: z.literal('serial'),
  ...head,
  routes: z.array(
    z.object({
      uri: z.string().describe('the Request-URI'),
      dst_uri: z.string().describe('where it is sent'),
      path: z.string().optional().describe('Route header fields, where there are several hops'),
      headers: z.object({
        from: z.object({ uri: z.string() }),
        to: z.object({ uri: z.string() }),
        extra: z.string().optional().describe('header lines, each with CR LF'),
      }),
      peerServer: z.string(),
      target: z.string().nullable(),
      auth,
    }),
  ),
});

const plain = z.object({
  ...head,
  routes: z.array(
    z.object({
      peerServer: z.string(),
      target: z.string().nullable().describe('null while its name is not resolved'),
      priority: z.int(),
      lastResort: z.boolean(),
      requestUri: z.string(),
      nextHop: z.string(),
      route: z.array(z.string()),
      from: z.string(),
      to: z.string(),
      headers: z.array(z.object({ name: z.string(), value: z.string() })),
      auth,
    }),
  ),
});

export const routeDocument = z.union([rtjson, plain]);

export const offered = z.object({
  offered: z.boolean().describe('may calls be sent there now?'),
  lastResort: z.boolean().describe('only after all others'),
});

export const listQuery = z.strictObject({
  contracts: text.optional().describe('names, separated by commas; default: all'),
});
