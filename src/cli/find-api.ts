/**
 * Where the daemon listens: `--url`, else `http` of its configuration. Only that section is looked at,
 * so that a file with mistakes elsewhere, or with 100,000 registrations, is no hindrance.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isMap } from '../config/merge-sources.ts';
import { formatProblem, ProblemList } from '../config/problem.ts';
import { configSchema } from '../config/schema.ts';
import { SecretReader } from '../config/secrets.ts';
import { readSources } from '../config/sources.ts';
import { toTopSpec } from '../config/to-daemon.ts';
import { validate } from '../config/validate.ts';
import { YamlThread } from '../config/yaml-thread.ts';
import { Secret } from '../core/base/secret.ts';
import { EXIT } from '../daemon/exit-codes.ts';
import { ApiError } from './api-client.ts';
import type { CliIo } from './io.ts';

export interface ApiPlace {
  readonly url: string;
  readonly token: Secret | undefined;
}

/** Throws an ApiError that says what is missing. */
export async function findApi(
  options: { readonly config: string; readonly url?: string; readonly tokenFile?: string },
  { env }: CliIo,
): Promise<ApiPlace> {
  const given = givenToken(options.tokenFile, env['TRUNKD_TOKEN']);
  if (options.url !== undefined) {
    if (!/^https?:\/\//.test(options.url))
      throw new ApiError('--url begins with http:// or https://.');
    return { url: options.url, token: given };
  }
  const http = await readHttp(options.config, env);
  return { url: urlOf(http), token: given ?? http.token };
}

function givenToken(file: string | undefined, word: string | undefined): Secret | undefined {
  if (file === undefined) return word === undefined || word === '' ? undefined : new Secret(word);
  try {
    return new Secret(readFileSync(file, 'utf8').trim());
  } catch (error) {
    throw new ApiError(`The token file ${file} cannot be read.`, { cause: error });
  }
}

type Http = NonNullable<ReturnType<typeof toTopSpec>['http']>;

async function readHttp(path: string, env: CliIo['env']): Promise<Http> {
  const problems = new ProblemList(1);
  const thread = new YamlThread();
  const sources = await readSources(path, (file) => thread.parse(file), problems).finally(() =>
    thread.stop(),
  );
  const [first] = problems.list(sources.files, 'problems');
  if (first !== undefined) throw new ApiError(`${formatProblem(first)}${HINT}`, BAD_CONFIG);
  const { root } = sources;
  const section = isMap(root) && root['http'] !== undefined ? { http: root['http'] } : {};
  const settings = validate(configSchema, section, env);
  const complaints = settings.ok ? [] : [...settings.complaints];
  const secrets = new SecretReader(env, resolve(dirname(path)));
  const spec = settings.ok ? toTopSpec(settings.value, env, secrets, complaints) : undefined;
  const [complaint] = complaints;
  if (complaint !== undefined) {
    throw new ApiError(`${path}: http: ${complaint.text}${HINT}`, BAD_CONFIG);
  }
  if (spec?.http === undefined) throw new ApiError(`${path}: http is off${HINT}`);
  return spec.http;
}

const BAD_CONFIG = { status: EXIT.config.code };

const HINT = ' (or give --url, and --token-file where it needs a token)';

function urlOf({ host, port }: Http): string {
  if (port === 0) throw new ApiError(`http.bind has no fixed port${HINT}`);
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}
