/** docs/http-api.md: words, and the tables that OpenAPI gives. */
import { HTTP_LIMITS } from '../../../src/http/limits.ts';
import { table } from './pages.ts';

/** The parts of an OpenAPI document that the page shows. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly default?: unknown;
}

export function httpApiPage(document: OpenApi): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'head')
      .map(([method, operation]) => ({ path, method, operation })),
  );
  const index = operations.map(({ path, method, operation }) => [
    `\`${method.toUpperCase()} ${path}\``,
    operation.summary ?? '',
  ]);
  return `<!-- Made from src/http/schemas.ts and src/http/routes.ts: change it there, then run
     npx vitest run --project unit test/unit/docs.test.ts -u -->

# HTTP API

It listens on \`http.bind\`, 127.0.0.1:9077 by default. \`GET /openapi.json\` describes it as OpenAPI 3.1.

- **Token.** With \`http.token\` everything but \`/livez\` and \`/readyz\` wants \`Authorization: Bearer TOKEN\`.
  On loopback it may be left out; any other address needs one. Further tokens (\`http.tokens\`) have a role:
  \`read\` changes nothing; \`route\` gets the credentials of calls as well, and may tell what a proxy has to tell.
- **Host.** Requests without the token have to name an IP address, \`localhost\` or the bound name in
  their Host header, and must not come from a page of another site (DNS rebinding, CSRF).
- **Lists** answer \`{ "items": [...], "next": cursor or null }\` in the order of ids. \`limit\` is 1 to
  ${HTTP_LIMITS.pageSize}, by default ${HTTP_LIMITS.defaultPageSize}; \`cursor\` is the \`next\` of the page before.
- **Errors** are problem details (RFC 9457); docs/errors.md lists them. Unknown parameters are errors.
- **Not ready.** Until the configuration is applied, and from the beginning of the stop, \`/v1/route\`, \`/v1/dispatcher.list\`
  and all commands are 503 with Retry-After: keep what you have. Health words are 503 before, and as they were while it stops.
- **Limits.** ${HTTP_LIMITS.headerOctets} octets of header, ${HTTP_LIMITS.bodyOctets} of body, ${HTTP_LIMITS.maxConnections} connections, ${HTTP_LIMITS.requestsPerSec} requests a second, ${HTTP_LIMITS.routesPerSec} of them for routes besides. Lists and metrics are made one after the other; with ${HTTP_LIMITS.longAnswersWaiting} that wait the next gets 429.
- **Times** are ISO 8601 in UTC. Everything absent is null. \`cause\` is null or \`{ code, text, next }\`.

${table(['request', 'what'], index)}
## Fields and parameters

${operations.map((one) => section(one, isListOfPages(one.path, document))).join('')}## Trying it

\`\`\`sh
curl http://127.0.0.1:9077/v1/registrations?bound=false
curl http://127.0.0.1:9077/v1/peer-servers/acme/madrid
curl 'http://127.0.0.1:9077/v1/route?contract=acme&to=0034911234567&from=34600123456&format=plain'
curl -H 'content-type: application/json' -d '{"command":"reload"}' http://127.0.0.1:9077/v1/commands
\`\`\`
`;
}

/** True for a list whose rows are described by a path of their own. */
function isListOfPages(path: string, { paths }: OpenApi): boolean {
  return Object.keys(paths).some((other) => other.startsWith(`${path}/{`));
}

interface Described {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function section({ path, method, operation }: Described, hasOwnRow: boolean): string {
  const parameters = (operation.parameters ?? []).filter((one) => one.in === 'query');
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const { '200': ok, '202': accepted } = operation.responses ?? {};
  const answer = Object.values((ok ?? accepted)?.content ?? {})[0]?.schema;
  const row = answer?.properties?.['items']?.items;
  const isEmpty = parameters.length === 0 && body === undefined && answer === undefined;
  if (isEmpty) return '';
  const parts = [`### \`${method.toUpperCase()} ${path}\`\n`];
  if (parameters.length > 0) {
    const rows = parameters.map(({ name, description, schema }) => [
      `\`${name}\``,
      typeText(schema),
      [description ?? '', defaultText(schema)].filter(Boolean).join('; '),
    ]);
    parts.push(table(['parameter', 'type', 'meaning'], rows));
  }
  if (body !== undefined) parts.push(fields('body', body));
  if (row !== undefined && !hasOwnRow) parts.push(fields('each of `items`', row));
  else if (row === undefined && answer?.properties !== undefined)
    parts.push(fields('answer', answer));
  return `${parts.join('\n')}\n`;
}

/** Of alternatives: all that one of them has. */
function fields(heading: string, schema: Schema): string {
  const found = new Map<string, Schema[]>();
  for (const { properties = {} } of schema.oneOf ?? [schema])
    for (const [name, one] of Object.entries(properties))
      found.set(name, [...(found.get(name) ?? []), one]);
  const rows = [...found].map(([name, some]) => [
    `\`${name}\``,
    typeText({ anyOf: some }),
    some.map(({ description }) => description ?? '').join(''),
  ]);
  return table([heading, 'type', 'meaning'], rows);
}

function defaultText({ default: value }: Schema): string {
  return value === undefined ? '' : `default ${value}`;
}

function typeText(schema: Schema): string {
  const { anyOf, items, properties } = schema;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(', ');
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeText))].join(' or ');
  if (items !== undefined) return `list of ${typeText(items)}`;
  if (properties !== undefined) return `{ ${Object.keys(properties).join(', ')} }`;
  if (schema.const !== undefined) return `\`${schema.const}\``;
  return [schema.type ?? 'any'].flat().join(' or ');
}
