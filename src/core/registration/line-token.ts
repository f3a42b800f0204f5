/**
 * The `line` parameter of a Contact URI: by it a proxy knows to which registration a call came, also
 * where a provider sends every call to the same user. It looks random and is the same over restarts
 * and reloads, since it is made of the address of record.
 */
import { stableToken } from '../base/stable-token.ts';
import type { RegistrationSpec } from './spec.ts';

export function lineToken({ username, profile }: RegistrationSpec): string {
  return stableToken(`${username}@${profile.domain.toLowerCase()} line`);
}
