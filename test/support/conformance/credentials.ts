/** Digest credentials as a registrar checks them: their form (RFC 3261 section 25.1) and their hash (RFC 7616). */
import { createHash } from 'node:crypto';
import { field, type SeenMessage } from './seen.ts';

export interface Credentials {
  readonly header: 'authorization' | 'proxy-authorization';
  readonly scheme: string;
  /** By lower-case name, without quotes; escapes stay, as `unq` of RFC 7616 section 3.4 has it. */
  readonly values: Readonly<Record<string, string>>;
  readonly quoted: ReadonlySet<string>;
  readonly text: string;
}

export function credentialsOf(message: SeenMessage): readonly Credentials[] {
  return (['authorization', 'proxy-authorization'] as const).flatMap((header) =>
    (message.fields.get(header) ?? []).map((text) => parse(header, text)),
  );
}

function parse(header: Credentials['header'], text: string): Credentials {
  const [scheme = ''] = text.split(' ', 1);
  const values: Record<string, string> = {};
  const quoted = new Set<string>();
  const pairs = text.matchAll(/([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))/g);
  for (const [, name = '', inQuotes, bare] of pairs) {
    const key = name.toLowerCase();
    values[key] = inQuotes ?? bare ?? '';
    if (inQuotes !== undefined) quoted.add(key);
  }
  return { header, scheme, values, quoted, text };
}

const QUOTED = ['username', 'realm', 'nonce', 'uri', 'response', 'cnonce', 'opaque'];
const BARE = ['qop', 'nc', 'algorithm', 'stale'];

const ALGORITHMS: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
};

/** What a strict registrar would have against these credentials; empty: they are right. */
export function flawsOf(message: SeenMessage, one: Credentials, password: string): string[] {
  const { values, quoted, scheme } = one;
  if (scheme !== 'Digest') return [`scheme ${scheme}`];
  const flaws = [
    ...QUOTED.filter((name) => name in values && !quoted.has(name)).map((name) => `${name} bare`),
    ...BARE.filter((name) => quoted.has(name)).map((name) => `${name} in quotes`),
  ];
  if ('nc' in values && !/^[0-9a-f]{8}$/.test(values['nc'] ?? '')) flaws.push(`nc ${values['nc']}`);
  const [method = '', uri = ''] = message.line.split(' ');
  // Behind a strict router the registrar gets the last Route as its Request-URI.
  const lastRoute = /<([^>]*)>[^<]*$/.exec(field(message, 'route'))?.[1];
  if (values['uri'] !== uri && values['uri'] !== lastRoute)
    flaws.push(`uri ${values['uri']}, Request-URI ${uri}`);
  const right = responseOf(values, method, password, message.raw.split('\r\n\r\n')[1] ?? '');
  if (values['response'] !== right) flaws.push(`response is wrong (${one.text})`);
  return flaws;
}

function responseOf(
  values: Readonly<Record<string, string>>,
  method: string,
  password: string,
  body: string,
): string | undefined {
  const name = (values['algorithm'] ?? 'MD5').toUpperCase();
  const algorithm = ALGORITHMS[name.replace(/-SESS$/, '')];
  if (algorithm === undefined) return undefined;
  const hash = (text: string): string => createHash(algorithm).update(text, 'latin1').digest('hex');
  const { username, realm, nonce, uri, cnonce, nc, qop } = values;
  const plain = hash(`${username}:${realm}:${password}`);
  const ha1 = name.endsWith('-SESS') ? hash(`${plain}:${nonce}:${cnonce}`) : plain;
  const ha2 = hash(`${method}:${uri}${qop === 'auth-int' ? `:${hash(body)}` : ''}`);
  return qop === undefined
    ? hash(`${ha1}:${nonce}:${ha2}`)
    : hash(`${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`);
}
