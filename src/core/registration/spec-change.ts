/** What a new configuration changes for one registration. */
import type { Secret } from '../base/secret.ts';
import type { DigestPolicy } from '../sip/digest/algorithm.ts';
import type { Credentials } from '../sip/digest/ports.ts';
import { hopKey } from '../sip/locate/target.ts';
import type { ContactPlan, RegisterStyle, RegistrationSpec } from './spec.ts';

export interface SpecChange {
  /** Another address of record, registrar or Contact: the old binding is removed, a new one made. */
  readonly needsNewBinding: boolean;
  /** Proved with at once, and former failures forgotten. */
  readonly hasNewCredentials: boolean;
  readonly hasNewAdmin: boolean;
}

export function compareSpecs(before: RegistrationSpec, after: RegistrationSpec): SpecChange {
  const old = before.profile;
  const { profile } = after;
  const isSameBinding =
    before.username === after.username &&
    before.ddi === after.ddi &&
    (old === profile ||
      (old.domain === profile.domain &&
        old.scheme === profile.scheme &&
        hopKey(old.hop) === hopKey(profile.hop) &&
        isSameContact(old.contact, profile.contact) &&
        isSameStyle(old.style, profile.style) &&
        (profile.contact.kind === 'address' || old.localSocket === profile.localSocket)));
  return {
    needsNewBinding: !isSameBinding,
    hasNewCredentials: !(
      areSameCredentials(before.credentials, after.credentials) &&
      isSamePolicy(old.digest, profile.digest)
    ),
    hasNewAdmin: old.admin !== profile.admin,
  };
}

function isSameContact(a: ContactPlan, b: ContactPlan): boolean {
  if (a.kind !== 'address' || b.kind !== 'address') return a.kind === b.kind;
  return a.hostPort === b.hostPort;
}

/** Only what makes the Contacts counts: the rest takes effect with the next refresh. */
function isSameStyle(a: RegisterStyle | undefined, b: RegisterStyle | undefined): boolean {
  return a === b || contactStyle(a) === contactStyle(b);
}

function contactStyle(style: RegisterStyle | undefined): string {
  if (style === undefined) return PLAIN;
  const { uriParameters, hasLine, mode, moreContacts } = style;
  return [uriParameters, hasLine, mode, ...moreContacts.map(({ hostPort }) => hostPort)].join(' ');
}

const PLAIN = ' false single';

function areSameCredentials(a: Credentials, b: Credentials): boolean {
  return (
    a === b ||
    (a.username === b.username &&
      a.ha1Hash === b.ha1Hash &&
      areSameRealms(a.realm, b.realm) &&
      areSameSecrets(a.password, b.password) &&
      areSameSecrets(a.ha1, b.ha1))
  );
}

function areSameRealms(a: Credentials['realm'], b: Credentials['realm']): boolean {
  return a === b || (a !== undefined && b !== undefined && textOf(a) === textOf(b));
}

function isSamePolicy(a: DigestPolicy, b: DigestPolicy): boolean {
  if (a === b) return true;
  const isSameList = a.hashes.join() === b.hashes.join();
  return isSameList && a.order === b.order && a.isPinned === b.isPinned;
}

/** Realms hold no control characters. */
function textOf(realms: string | readonly string[]): string {
  return typeof realms === 'string' ? realms : realms.join('\n');
}

function areSameSecrets(a: Secret | undefined, b: Secret | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}
