/**
 * From the settings of one registration to the spec that the core works with. Whatever many
 * registrations have in common (domain, registrar, contact, expiry ...) is worked out once per
 * combination and shared as one profile, so that 100,000 of them stay small and load fast.
 */

import { stableToken } from '../core/base/stable-token.ts';
import type {
  Admin,
  ContactPlan,
  RegistrationProfile,
  RegistrationSpec,
} from '../core/registration/spec.ts';
import type { Credentials } from '../core/sip/digest/ports.ts';
import type { ProxySpec } from '../core/sip/proxy/ports.ts';
import { type Hop, type HostPort, parseHop, parseHostPort, printHostPort } from './address.ts';
import { toCredentials, toDigestPolicy } from './credentials.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './grammar.ts';
import { type Levels, type MergedDefaults, overlay } from './levels.ts';
import type { Complaint } from './problem.ts';
import { checkStyle, firstContact, toStyle } from './register-style.ts';
import {
  type RegistrationDefaults,
  type RegistrationSettings,
  registrationSchema,
} from './schema/registration.ts';
import type { SecretReader } from './secrets.ts';
import type { WayPlanner } from './way.ts';

/** What the registrations of one contract have around them. */
export interface RegistrationSurroundings {
  readonly contract: string;
  readonly admin: Admin;
  readonly labels: Readonly<Record<string, string>>;
  readonly levels: Levels;
  readonly ways: WayPlanner;
  readonly secrets: SecretReader;
  readonly userAgent: string;
  /** Calls that arrive at us are relayed (`inbound.forwardTo`): who names no Contact is called there. */
  readonly takesCalls: boolean;
}

/** What the profiles of all registrars of one registration are made from. */
interface ProfileParts {
  readonly domain: string;
  readonly contact: ContactPlan | undefined;
  readonly all: RegistrationDefaults;
  readonly settings: RegistrationSettings;
  readonly defaults: MergedDefaults;
}

/** Makes the specs of one contract's registrations. */
export class RegistrationPlanner {
  readonly #around: RegistrationSurroundings;
  readonly #profiles = new Map<string, RegistrationProfile>();
  readonly #realms = new Map<string, string>();

  constructor(around: RegistrationSurroundings) {
    this.#around = around;
  }

  /** The spec, or undefined after at least one complaint that is no warning. */
  plan(settings: RegistrationSettings, complaints: Complaint[]): RegistrationSpec | undefined {
    const profile = this.#profileOf(settings, complaints);
    const credentials = this.#credentialsOf(settings, complaints);
    const hasIdleDdi = settings.ddi !== undefined && this.#isGin(settings);
    if (hasIdleDdi) complaints.push(DDI_OF_GIN);
    if (profile === undefined || credentials === undefined || hasIdleDdi) return undefined;
    const { username } = settings;
    const aor = `${username}@${profile.domain}`;
    const id = settings.id ?? aor;
    const ddi = settings.ddi ?? stableToken(aor.toLowerCase());
    // Many operators use the number for both; one text serves them then.
    return { id, username, ddi: ddi === username ? username : ddi, credentials, profile };
  }

  #isGin({ mode, preset }: RegistrationSettings): boolean {
    return (mode ?? this.#around.levels.forItem(preset).registration.mode) === 'gin';
  }

  #credentialsOf(settings: RegistrationSettings, complaints: Complaint[]): Credentials | undefined {
    const { auth, username } = settings;
    if (auth === undefined) {
      complaints.push({ path: [], text: "'auth' with a password is missing" });
      return undefined;
    }
    const made = toCredentials(auth, username, this.#around.secrets, complaints);
    if (typeof made?.realm !== 'string') return made;
    const realm = this.#realms.get(made.realm);
    if (realm !== undefined) return { ...made, realm };
    this.#realms.set(made.realm, made.realm);
    return made;
  }

  #profileOf(
    settings: RegistrationSettings,
    complaints: Complaint[],
  ): RegistrationProfile | undefined {
    const key = profileKey(settings);
    const known = this.#profiles.get(key);
    if (known !== undefined) return known;
    const profile = this.#makeProfile(settings, complaints);
    if (profile !== undefined) this.#profiles.set(key, profile);
    return profile;
  }

  #makeProfile(
    settings: RegistrationSettings,
    complaints: Complaint[],
  ): RegistrationProfile | undefined {
    const { levels, takesCalls } = this.#around;
    const count = complaints.length;
    const wrongPreset = levels.checkPreset(settings.preset);
    if (wrongPreset !== undefined) complaints.push(wrongPreset);
    const defaults = levels.forItem(settings.preset);
    const all = laidOver(defaults, settings);
    const domain = all.domain;
    if (domain === undefined) complaints.push({ path: [], text: "'domain' is missing" });
    complaints.push(...checkStyle(all, settings));
    const contact = toContact(firstContact(all)) ?? (takesCalls ? SELF : undefined);
    const noWayIn = whyNoCallsComeIn(all, settings, contact);
    if (noWayIn !== undefined) complaints.push(noWayIn);
    if (domain === undefined || complaints.length > count) return undefined;
    if (settings.registrar !== undefined && settings.registrars !== undefined) {
      complaints.push({ path: ['registrars'], text: "give 'registrar' or 'registrars', not both" });
      return undefined;
    }
    const make = (registrar: string | undefined) =>
      this.#profileTo(registrar, { domain, contact, all, settings, defaults }, complaints);
    // What the registration says itself wins over a default, also where that is the other key.
    const registrars = settings.registrar === undefined ? (all.registrars ?? []) : [];
    if (new Set(registrars).size < registrars.length) {
      complaints.push({ path: ['registrars'], text: "an address stands twice in 'registrars'" });
      return undefined;
    }
    return bindingsOf(registrars, make, all, complaints);
  }

  /** What goes to one registrar. */
  #profileTo(
    uri: string | undefined,
    { domain, contact: ownContact, all, settings, defaults }: ProfileParts,
    complaints: Complaint[],
  ): RegistrationProfile | undefined {
    const { ways, contract, userAgent } = this.#around;
    const last = lastHop(uri, domain);
    const isSecure = last.scheme === 'sips';
    const registrar = namedApart(uri, domain);
    const tls = overlay(defaults.tls, settings.tls);
    const wish = { last, isSecure, registrar, settings: all, own: settings, tls, domain };
    const way = ways.plan(wish, complaints);
    const contact = way?.proxy === undefined ? ownContact : proxyContact(way.proxy.contact);
    if (way === undefined || contact === undefined) return undefined;
    if (way.proxy !== undefined) warnOfContact(firstContact(settings), way.proxy, complaints);
    return {
      contract,
      labels: { ...this.#around.labels, ...all.labels },
      domain,
      scheme: isSecure ? 'sips' : 'sip',
      hop: way.hop,
      route: way.route,
      localSocket: way.localSocket,
      tls: way.tls,
      contact,
      expiresSec: toSeconds(all.expires ?? DEFAULTS.registration.expires),
      admin: stricter(this.#around.admin, all.admin ?? DEFAULTS.registration.admin),
      // RFC 5626 section 5.1: it takes an edge proxy that adds a Path, which ours need not be.
      outbound: way.proxy === undefined ? (all.outbound ?? DEFAULTS.registration.outbound) : 'off',
      userAgent: all.userAgent ?? userAgent,
      ...choicesOf(all),
      ...toAudit(all.audit),
      ...toStyle(all, domain),
      digest: toDigestPolicy(all),
      redirects: toRedirects(all, last.host),
    };
  }
}

/** What is one word of a list. */
function choicesOf(
  all: RegistrationDefaults,
): Pick<
  RegistrationProfile,
  'onRemove' | 'sourceCheck' | 'sizePolicy' | 'connection' | 'failback' | 'keepAlive' | 'onForeign'
> {
  const { registration } = DEFAULTS;
  return {
    onRemove: all.onRemove ?? registration.onRemove,
    sourceCheck: all.sourceCheck ?? registration.sourceCheck,
    sizePolicy: all.sizePolicy ?? registration.sizePolicy,
    connection: all.connection ?? registration.connection,
    failback: toFailback(all.failback ?? registration.failback),
    keepAlive: all.keepAlive ?? registration.keepAlive,
    onForeign: all.onForeign ?? registration.onForeign,
  };
}

function toFailback(
  failback: NonNullable<RegistrationDefaults['failback']>,
): RegistrationProfile['failback'] {
  if (typeof failback === 'string') return failback;
  return { afterMs: parseDuration(failback.after) ?? 0 };
}

function toRedirects(
  { redirects, outboundProxy }: RegistrationDefaults,
  registrarHost: string,
): RegistrationProfile['redirects'] {
  const word = redirects ?? DEFAULTS.registration.redirects;
  return word === 'never' ? undefined : { registrarHost, keepsHop: outboundProxy !== undefined };
}

/** The stricter of two words of an operator: the contract's, and the item's own. */
export function stricter(a: Admin, b: Admin): Admin {
  if (a === 'off' || b === 'off') return 'off';
  return a === 'drain' ? a : b;
}

const NO_CONTACT: Complaint = {
  path: [],
  text: 'there is no way for calls to come in',
  hint: "give 'contact', here or in defaults.registration: HOST[:PORT] or self; or 'via'; or inbound.forwardTo",
};

const SELF: ContactPlan = { kind: 'self' };

const SELF_BEHIND_PROXY: Complaint = {
  path: ['contact'],
  text: "'contact: self' and 'via' exclude each other: what travels through a proxy is called there",
  hint: 'leave it out: the Contact is the contact of the proxy',
};

const DDI_OF_GIN: Complaint = {
  path: ['ddi'],
  text: 'mode: gin has no Contact user',
  hint: "leave 'ddi' out: the registrar makes a Contact for each number of its own",
};

/** Through a proxy calls come in there. */
function whyNoCallsComeIn(
  all: RegistrationDefaults,
  own: RegistrationSettings,
  contact: ContactPlan | undefined,
): Complaint | undefined {
  const isOwn = firstContact(own) === 'self' || firstContact(own) === 'learned';
  if (all.via !== undefined) return isOwn ? SELF_BEHIND_PROXY : undefined;
  return contact === undefined ? NO_CONTACT : undefined;
}

function proxyContact(hostPort: string): ContactPlan {
  return { kind: 'address', hostPort };
}

/** A default gives way in silence. */
function warnOfContact(
  own: string | undefined,
  { name, contact }: ProxySpec,
  complaints: Complaint[],
): void {
  const parsed = own === undefined ? undefined : parseHostPort(own);
  if (typeof parsed !== 'object' || printHostPort(parsed) === contact) return;
  const text = `'contact' is not used: through the proxy ${name} it is ${contact}`;
  complaints.push({ path: ['contact'], text, isRemark: true });
}

/** The registrar where the Request-URI does not say as much. */
function namedApart(registrar: string | undefined, domain: string): Hop | undefined {
  const hop = registrar === undefined ? undefined : parseHop(registrar);
  if (typeof hop !== 'object') return undefined;
  const isDomain = hop.host.toLowerCase() === domain.toLowerCase();
  return isDomain && hop.port === undefined && hop.transport === undefined ? undefined : hop;
}

type Make = (registrar: string | undefined) => RegistrationProfile | undefined;

/** One profile, or that of the first of several bindings with all of them. */
function bindingsOf(
  registrars: readonly string[],
  make: Make,
  all: RegistrationDefaults,
  complaints: Complaint[],
): RegistrationProfile | undefined {
  const flows = all.flows ?? DEFAULTS.registration.flows;
  if (registrars.length < 2) {
    const profile = make(registrars[0] ?? all.registrar);
    return profile === undefined ? undefined : withFlows(profile, flows, complaints);
  }
  if (flows > 1) {
    complaints.push({ path: ['flows'], text: "give 'flows' or several 'registrars', not both" });
    return undefined;
  }
  const profiles = registrars.map(make).filter((one) => one !== undefined);
  const [first] = profiles;
  if (first === undefined || profiles.length < registrars.length) return undefined;
  const mode = all.registrarMode ?? DEFAULTS.registration.registrarMode;
  return { ...first, legs: { mode, profiles } };
}

/** Several flows are bindings of one profile, told apart by their reg-id. */
function withFlows(
  profile: RegistrationProfile,
  flows: number,
  complaints: Complaint[],
): RegistrationProfile | undefined {
  if (flows === 1) return profile;
  if (profile.outbound === 'off') {
    complaints.push({ path: ['flows'], text: "'flows' needs outbound, which is off" });
    return undefined;
  }
  return {
    ...profile,
    legs: { mode: 'flows', profiles: Array.from({ length: flows }, () => profile) },
  };
}

function laidOver(defaults: MergedDefaults, settings: RegistrationSettings): RegistrationDefaults {
  return overlay<RegistrationDefaults>(defaults.registration, settings);
}

/** What each registration has for itself. All other keys make its profile, those of tomorrow as well. */
const OWN_KEYS: ReadonlySet<string> = new Set(['id', 'username', 'ddi', 'auth', 'expand']);
const PROFILE_KEYS = registrationSchema.keyof().options.filter((name) => !OWN_KEYS.has(name));

/** All that the profile depends on; no value holds a newline. */
function profileKey(settings: RegistrationSettings): string {
  let key = '';
  for (const name of PROFILE_KEYS) {
    const value = settings[name];
    if (value === undefined) continue;
    const text = typeof value === 'object' ? JSON.stringify(value, sortedKeys) : value;
    key += `${name} ${text}\n`;
  }
  return key;
}

/** Makes the order in which keys are written irrelevant. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function toContact(text: string | undefined): ContactPlan | undefined {
  if (text === undefined) return undefined;
  if (text === 'self' || text === 'learned') return { kind: text };
  const parsed = parseHostPort(text);
  return typeof parsed === 'string'
    ? undefined
    : { kind: 'address', hostPort: printHostPort(parsed) };
}

function lastHop(registrar: string | undefined, domain: string): HostPort & Partial<Hop> {
  const parsed = parseHop(registrar ?? domain);
  // The schema let both pass; a text that does not parse would be a bug, and is sent as it stands.
  return typeof parsed === 'string' ? { host: domain, kind: 'name', port: undefined } : parsed;
}

function toAudit(audit: string | undefined): { readonly auditMs: number } | undefined {
  const auditMs = audit === undefined ? undefined : parseDuration(audit);
  return auditMs === undefined ? undefined : { auditMs };
}

function toSeconds(expires: number | string): number {
  if (typeof expires === 'number') return expires;
  const spanMs = parseDuration(expires);
  return spanMs === undefined ? Number(expires) : spanMs / 1000;
}
