/** What only few registrations want in their REGISTER, from the settings; see `RegisterStyle`. */
import type { MoreContact, RegisterStyle } from '../core/registration/spec.ts';
import { parseHostPort, printHostPort } from './address.ts';
import { DEFAULTS } from './defaults.ts';
import { headerLines } from './header-fields.ts';
import type { Complaint } from './problem.ts';
import type { RegistrationDefaults } from './schema/registration.ts';

/** `{ style }`; nothing at all when it wants nothing of the kind, as most. */
export function toStyle(
  all: RegistrationDefaults,
  domain: string,
): { readonly style: RegisterStyle } | undefined {
  const { contactUriParameters = '', contactParameters = '' } = all;
  const { line, mode } = DEFAULTS.registration;
  const style: RegisterStyle = {
    from:
      all.from === undefined
        ? undefined
        : { user: all.from.user, domain: all.from.domain ?? domain },
    headers: headerLines(all.headers),
    uriParameters: contactUriParameters,
    parameters: contactParameters,
    hasLine: all.line ?? line,
    mode: all.mode ?? mode,
    moreContacts: (all.contacts ?? []).slice(1).map(toMoreContact),
  };
  const isPlain =
    style.from === undefined &&
    style.headers + style.uriParameters + style.parameters === '' &&
    !style.hasLine &&
    style.mode === 'single' &&
    style.moreContacts.length === 0;
  return isPlain ? undefined : { style };
}

/** The first of `contacts` in the words of `contact`. */
export function firstContact(all: RegistrationDefaults): string | undefined {
  const [first] = all.contacts ?? [];
  if (first === undefined) return all.contact;
  return typeof first === 'string' ? first : first.address;
}

/** What cannot stand together; only the registration's own words can be at fault. */
export function checkStyle(
  all: RegistrationDefaults,
  own: RegistrationDefaults,
): readonly Complaint[] {
  const complaints: Complaint[] = [];
  if (own.contact !== undefined && own.contacts !== undefined) {
    complaints.push({ path: ['contacts'], text: "give 'contact' or 'contacts', not both" });
  }
  const later = (all.contacts ?? []).slice(1).map(addressOf);
  if (later.includes('self')) {
    complaints.push({ path: ['contacts'], text: "only the first of 'contacts' can be self" });
  }
  const first = firstContact(all);
  const places = [...(first === undefined ? [] : [first]), ...later].map(printed);
  if (new Set(places).size < places.length) {
    complaints.push({ path: ['contacts'], text: "an address stands twice in 'contacts'" });
  }
  complaints.push(...parameterFaults(all));
  return complaints;
}

/** Parameters that trunkd writes itself, or that would make the Contact another one. */
const TAKEN = {
  contactUriParameters: ['transport', 'line', 'bnc', 'gr', 'ob', 'maddr'],
  contactParameters: ['expires', 'reg-id', '+sip.instance'],
} as const;

function parameterFaults(all: RegistrationDefaults): readonly Complaint[] {
  return (['contactUriParameters', 'contactParameters'] as const).flatMap((key) => {
    const taken: readonly string[] = TAKEN[key];
    const names = (all[key] ?? '').split(';').map((one) => one.split('=')[0]?.toLowerCase() ?? '');
    const first = names.find((name) => taken.includes(name));
    if (first === undefined) return [];
    return [
      { path: [key], text: `the parameter ${first} is trunkd's own, and cannot stand in '${key}'` },
    ];
  });
}

type Entry = NonNullable<RegistrationDefaults['contacts']>[number];

function addressOf(entry: Entry): string {
  return typeof entry === 'string' ? entry : entry.address;
}

function toMoreContact(entry: Entry): MoreContact {
  const q = typeof entry === 'string' ? undefined : entry.q;
  return { hostPort: printed(addressOf(entry)), parameters: q === undefined ? '' : `;q=${q}` };
}

function printed(text: string): string {
  const parsed = parseHostPort(text);
  return typeof parsed === 'string' ? text : printHostPort(parsed);
}
