/** Whether two configurations prove themselves alike, so that what was learned with one holds for the other. */
import type { Secret } from '../../base/secret.ts';
import type { DigestPolicy } from './algorithm.ts';
import type { Credentials } from './ports.ts';

export function areSameCredentials(
  a: Credentials | undefined,
  b: Credentials | undefined,
): boolean {
  if (a === undefined || b === undefined || a === b) return a === b;
  return areSamePresent(a, b) && areSameCredentials(a.next, b.next);
}

/** The same but for what is to be tried next. */
export function areSamePresent(a: Credentials, b: Credentials): boolean {
  return (
    a.username === b.username &&
    a.ha1Hash === b.ha1Hash &&
    textOf(a.realm) === textOf(b.realm) &&
    areSameSecrets(a.password, b.password) &&
    areSameSecrets(a.ha1, b.ha1)
  );
}

export function isSamePolicy(a: DigestPolicy, b: DigestPolicy): boolean {
  if (a === b) return true;
  const isSameList = a.hashes.join() === b.hashes.join();
  return isSameList && a.order === b.order && a.isPinned === b.isPinned;
}

/** Realms hold no control characters. */
function textOf(realms: Credentials['realm']): string | undefined {
  return realms === undefined || typeof realms === 'string' ? realms : realms.join('\n');
}

function areSameSecrets(a: Secret | undefined, b: Secret | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}
