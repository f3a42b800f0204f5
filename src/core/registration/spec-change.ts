/** What a new configuration changes for one registration. */

import {
  areSameCredentials,
  areSamePresent,
  isSamePolicy,
} from '../sip/digest/same-credentials.ts';
import { hopKey } from '../sip/locate/target.ts';
import type { ContactPlan, RegisterStyle, RegistrationSpec } from './spec.ts';

export interface SpecChange {
  /** Another address of record, registrar or Contact: the old binding is removed, a new one made. */
  readonly needsNewBinding: boolean;
  /** Proved with at once, and former failures forgotten. */
  readonly hasNewCredentials: boolean;
  /** Tried at once only where the present ones are refused. */
  readonly hasNextCredentials: boolean;
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
      areSamePresent(before.credentials, after.credentials) &&
      isSamePolicy(old.digest, profile.digest)
    ),
    hasNextCredentials: !areSameCredentials(before.credentials.next, after.credentials.next),
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
