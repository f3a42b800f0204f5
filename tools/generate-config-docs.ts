/**
 * Writes config/schema.json and docs/configuration.md from the one schema of the configuration.
 * `node tools/generate-config-docs.ts` after each change of it; a unit test fails when they are stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { type About, aboutOf } from '../src/config/schema/about.ts';
import { configSchema } from '../src/config/schema.ts';

/** Path and content of each generated file. */
export function generateConfigDocs(): ReadonlyMap<URL, string> {
  return new Map([
    [
      new URL('../config/schema.json', import.meta.url),
      `${JSON.stringify(jsonSchema(), null, 2)}\n`,
    ],
    [new URL('../docs/configuration.md', import.meta.url), reference()],
  ]);
}

type Json = Record<string, unknown>;

/** JSON Schema for editors: every scalar may also be `{ env: NAME }`. */
function jsonSchema(): Json {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema: node }) => tidyNode(node as Json),
  }) as Json;
  allowEnvironment(schema);
  const $defs = {
    env: {
      description: 'The value of an environment variable.',
      type: 'object',
      properties: { env: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$' } },
      required: ['env'],
      additionalProperties: false,
    },
  };
  const { $schema, ...rest } = schema;
  return { $schema, title: 'Configuration of trunkd', ...rest, $defs };
}

/** Our own words about a key, in those of JSON Schema. */
function tidyNode(node: Json): void {
  const { unit, example, isSecret, defaultText, reload, ...rest } = node;
  for (const key of Object.keys(node)) delete node[key];
  Object.assign(node, rest);
  if (example !== undefined) node['examples'] = [example];
  if (isSecret === true) node['writeOnly'] = true;
}

function allowEnvironment(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const { properties } = node as { readonly properties?: Json };
  for (const [key, child] of Object.entries(properties ?? {})) {
    if (isScalar(child) && key !== 'env' && key !== 'file' && key !== 'credential') {
      const { title, description, default: fallback, examples, ...type } = child as Json;
      const words = { title, description, default: fallback, examples };
      (properties as Json)[key] = { ...words, anyOf: [type, { $ref: '#/$defs/env' }] };
    }
  }
  for (const child of Object.values(node)) allowEnvironment(child);
}

function isScalar(node: unknown): boolean {
  const type = (node as { readonly type?: unknown }).type;
  return typeof type === 'string' && type !== 'object' && type !== 'array';
}

/** The reference as Markdown: a table for each section. */
function reference(): string {
  const sections: string[] = [];
  describeSection(configSchema, '', sections);
  const minimal = readFileSync(new URL('../config/minimal.yaml', import.meta.url), 'utf8');
  return `${INTRODUCTION}\n\`\`\`yaml\n${minimal.trim()}\n\`\`\`\n\n${RULES}\n${sections.join('\n')}`;
}

function describeSection(section: z.core.$ZodType, path: string, sections: string[]): void {
  const def = defOf(section);
  if (def.type !== 'object') return;
  const rows: string[] = [];
  const later: [z.core.$ZodType, string][] = [];
  for (const [name, schema] of Object.entries(def.shape)) {
    const about = aboutOf(schema);
    rows.push(row(name, schema, about));
    for (const inner of sectionsIn(schema))
      later.push([inner.section, `${path}${name}${inner.suffix}`]);
  }
  const title = path === '' ? 'Top level' : `\`${path.replace(/\.$/, '')}\``;
  const table = ['| key | value | default | what it is for |', '|---|---|---|---|', ...rows];
  sections.push(`## ${title}\n\n${table.join('\n')}\n`);
  for (const [inner, innerPath] of later) {
    if (REPEATED.some((repeated) => repeated.test(innerPath))) continue;
    describeSection(inner, innerPath, sections);
  }
}

/** Sections that stand in several places and are described once. */
const REPEATED = [
  /^presets\./,
  /^defaults\./,
  /^peeringContracts\[\]\.defaults\./,
  /registrations\[\]\.tls\.$/,
  /auth\.(password|ha1)\./,
];

function row(name: string, schema: z.core.$ZodType, about: Partial<About>): string {
  const notes = [about.description ?? ''];
  if (about.unit !== undefined) notes.push(`Unit: ${about.unit}.`);
  if (about.example !== undefined) notes.push(`Example: ${code(about.example)}.`);
  if (about.isSecret === true) notes.push('Secret.');
  if (about.reload === 'restart') notes.push('A change needs a restart.');
  const isOptional = (schema as z.core.$ZodTypes)._zod.def.type === 'optional';
  const fallback = about.default === undefined ? (about.defaultText ?? '') : code(about.default);
  const cells = [
    `\`${name}\``,
    typeText(schema),
    isOptional ? fallback : '**required**',
    notes.join(' '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

type Def = z.core.$ZodTypes['_zod']['def'];

function defOf(schema: z.core.$ZodType): Def {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'optional' ? defOf(def.innerType) : def;
}

function sectionsIn(schema: z.core.$ZodType): { section: z.core.$ZodType; suffix: string }[] {
  const def = defOf(schema);
  if (def.type === 'object') return [{ section: schema, suffix: '.' }];
  if (def.type === 'array') {
    return sectionsIn(def.element).map(({ section }) => ({ section, suffix: '[].' }));
  }
  if (def.type === 'record') {
    return sectionsIn(def.valueType).map(({ section }) => ({ section, suffix: '.NAME.' }));
  }
  // The references of a secret are explained once, in the rules.
  if (def.type === 'union' && def.options.length === 2) return def.options.flatMap(sectionsIn);
  return [];
}

function typeText(schema: z.core.$ZodType): string {
  const { title } = z.globalRegistry.get(unwrapped(schema)) ?? {};
  if (title !== undefined) return title;
  const def = defOf(schema);
  switch (def.type) {
    case 'enum':
      return Object.values(def.entries).map(String).join(', ');
    case 'literal':
      return def.values.map(String).join(', ');
    case 'array':
      return `list of ${typeText(def.element)}`;
    case 'record':
      return `section: name to ${typeText(def.valueType)}`;
    case 'object':
      return 'section';
    case 'union':
      return unionText(def.options.map(typeText));
    case 'number':
      return 'number';
    default:
      return def.type;
  }
}

function unionText(options: readonly string[]): string {
  return options.length === 4 ? 'text or reference' : [...new Set(options)].join(' or ');
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'optional' ? unwrapped(def.innerType) : schema;
}

const INTRODUCTION = `<!-- Generated by tools/generate-config-docs.ts from src/config/schema.ts: change it there. -->
# Configuration

One YAML file (or JSON, which is YAML), given with \`--config\`. \`trunkd check --config FILE\` lists every problem
as \`file:line:column: text\` and exits with 78 if there is one. The smallest useful file:
`;

const RULES = `[\`config/example.yaml\`](../config/example.yaml) shows every key. Editors complete and check with
[\`config/schema.json\`](../config/schema.json) after a first line \`# yaml-language-server: $schema=schema.json\`.

- Keys are strict: an unknown key, a key written twice, an alias, or a bare number where a text is meant is a problem.
  Numbers that are names (user names, DDIs, passwords) need quotes: YAML would read \`0123\` as 123.
- Times are written with their unit: \`500ms\`, \`30s\`, \`5m\`, \`1h\`, \`2d\`.
- An empty text or nothing after the colon counts as unset.
- Relative file names count from the directory of the configuration file.
- Any single value may be \`{ env: NAME }\`, the value of an environment variable.
- A secret is a text, \`{ file: PATH }\`, \`{ env: NAME }\` or \`{ credential: NAME }\` (a systemd credential, found in
  \`$CREDENTIALS_DIRECTORY\`); one newline at its end is cut off. One that cannot be read is a warning in \`check\` and an
  error in \`run\`. Files that everybody can read are a warning.
- \`include\` names further files of the same form: lists are joined, sections merged, and no key may be set twice.
- \`defaults\` may stand at the top and in a contract, \`preset\` there and in a peer server or registration. The
  nearest word wins: the item itself, its preset, the contract's defaults, its preset, the top defaults, the top
  preset, what is built in. Labels are joined.
- A file of \`registrationsFrom\` holds one registration a line as a JSON object with the keys of
  \`peeringContracts[].registrations[]\`.
- A reload that would drop more than 10 registrations and more than 5 % of them, or that reads an empty file of
  \`registrationsFrom\`, is refused unless it is forced.
- Where requests go: to the \`outboundProxy\`, else to the \`registrar\` or \`sipProxy\`, else to the \`domain\`; with
  several \`outboundProxy\`, or a \`registrar\` behind one, to the first of them, with a Route header for each. With
  \`via\` to our own proxy, with Routes for it and for the address that was found for the first hop. The protocol is
  that of the URI, else of \`transport\`, else of the \`localSocket\`, else what RFC 3263 finds.
`;

if (import.meta.main) {
  for (const [file, text] of generateConfigDocs()) writeFileSync(file, text);
}
