/**
 * Passwords, keys and PEM files: plain, from a file, from the environment, or from systemd's
 * credentials. A file is read once per load, however many registrations name it; file modes only
 * warn. Texts that come back leave this folder inside a Secret (or as PEM) and nowhere else.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SecretSource } from './schema/leaf.ts';
import type { Environment } from './tidy.ts';

export type SecretReading =
  | { readonly kind: 'text'; readonly text: string }
  /** It is not there, or not readable for this user: a warning in `check`, an error in `run`. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** It is there, and cannot be what is meant. */
  | { readonly kind: 'wrong'; readonly reason: string };

export class SecretReader {
  /** Files with something secret in them that everybody on this machine can read. */
  readonly worldReadable = new Set<string>();
  /** The same, whatever they hold: certificates are for everybody. */
  readonly #openToAll = new Set<string>();
  readonly #env: Environment;
  readonly #baseDirectory: string;
  readonly #files = new Map<string, SecretReading>();

  /** Relative paths count from `baseDirectory`. */
  constructor(env: Environment, baseDirectory: string) {
    this.#env = env;
    this.#baseDirectory = baseDirectory;
  }

  /** A password, digest key or token: one line, without the newline that editors put behind it. */
  readSecret(source: SecretSource): SecretReading {
    if (typeof source === 'string') return { kind: 'text', text: source };
    if ('env' in source) return this.#fromEnvironment(source.env);
    const reading = this.#fromFile(source);
    if (reading.kind !== 'text') return reading;
    this.#noteSecret(source);
    const text = reading.text.replace(/\r?\n$/, '');
    if (text === '') return { kind: 'wrong', reason: 'the file of the secret is empty' };
    if (/[\r\n\0]/.test(text) || text.length > MAX_SECRET) {
      return { kind: 'wrong', reason: 'the file of the secret holds more than one line' };
    }
    return { kind: 'text', text };
  }

  /** A certificate, a key or authorities. */
  readPem(source: string | SecretSource): SecretReading {
    const place = typeof source === 'string' ? { file: source } : source;
    if ('env' in place) return this.#fromEnvironment(place.env);
    const reading = this.#fromFile(place);
    if (reading.kind !== 'text') return reading;
    if (reading.text.includes('PRIVATE KEY-----')) this.#noteSecret(place);
    if (reading.text.includes('-----BEGIN ')) return reading;
    return { kind: 'wrong', reason: 'the file holds no PEM text' };
  }

  /** Where it is read from, as an absolute path; undefined: from no file. */
  pathOf(source: string | SecretSource): string | undefined {
    const place = typeof source === 'string' ? { file: source } : source;
    if ('file' in place) return resolve(this.#baseDirectory, place.file);
    const directory = this.#env['CREDENTIALS_DIRECTORY'];
    return 'env' in place || directory === undefined
      ? undefined
      : join(directory, place.credential);
  }

  #noteSecret(source: SecretSource): void {
    const path = this.pathOf(source);
    if (path !== undefined && this.#openToAll.has(path)) this.worldReadable.add(path);
  }

  #fromEnvironment(name: string): SecretReading {
    const text = this.#env[name];
    if (text !== undefined && text !== '') return { kind: 'text', text };
    return { kind: 'unreadable', reason: `the environment variable ${name} is not set` };
  }

  #fromFile(source: { readonly file: string } | { readonly credential: string }): SecretReading {
    if ('file' in source) return this.#readOnce(resolve(this.#baseDirectory, source.file));
    const directory = this.#env['CREDENTIALS_DIRECTORY'];
    if (source.credential.startsWith('.')) {
      return { kind: 'wrong', reason: 'the name of a credential does not begin with a dot' };
    }
    if (directory === undefined || directory === '') {
      return { kind: 'unreadable', reason: '$CREDENTIALS_DIRECTORY is not set' };
    }
    return this.#readOnce(join(directory, source.credential));
  }

  #readOnce(path: string): SecretReading {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const reading = this.#read(path);
    this.#files.set(path, reading);
    return reading;
  }

  #read(path: string): SecretReading {
    let descriptor: number;
    try {
      descriptor = openSync(path, READ);
    } catch (error) {
      return { kind: 'unreadable', reason: `the file ${path} ${whyUnreadable(error)}` };
    }
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) return { kind: 'wrong', reason: `${path} is not a regular file` };
      if (stat.size > MAX_FILE) return { kind: 'wrong', reason: `${path} is larger than 1 MiB` };
      if ((stat.mode & 0o004) !== 0) this.#openToAll.add(path);
      return { kind: 'text', text: readFileSync(descriptor, 'utf8') };
    } catch (error) {
      return { kind: 'unreadable', reason: `the file ${path} ${whyUnreadable(error)}` };
    } finally {
      closeSync(descriptor);
    }
  }
}

/** A reason without the words of the system, which differ. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  if (code === 'ENOENT') return 'does not exist';
  return code === 'EACCES' ? 'may not be read by this user' : `cannot be read (${code})`;
}

/** To open a pipe without a writer must not hang. */
export const READ: number = constants.O_RDONLY | constants.O_NONBLOCK;

const MAX_SECRET = 1024;
const MAX_FILE = 1024 * 1024;
