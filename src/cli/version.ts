import { readFileSync } from 'node:fs';

/** The version in package.json, beside `src` as well as beside `dist`. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  const isObject = typeof parsed === 'object' && parsed !== null && 'version' in parsed;
  return isObject && typeof parsed.version === 'string' ? parsed.version : 'unknown';
}
