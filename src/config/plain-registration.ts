/**
 * The short way through the bulk file. Most lines are plain: known keys, plain texts, no references.
 * This recogniser says yes to those at a fraction of the cost of the schema. A no means nothing: the
 * schema then has the word, so both can never disagree on what is refused (a test compares them on
 * what is accepted).
 */
import { z } from 'zod';
import { isHost, parseHop, parseHostPort } from './address.ts';
import { hasControl, isName, isRegistrationId, isUserPart } from './grammar.ts';
import { type RegistrationSettings, registrationSchema } from './schema/registration.ts';

/** Kept for one load; remembers what passed a moment ago. */
export class PlainRegistrations {
  readonly #domains = new RecentlyGood(isHost);
  readonly #registrars = new RecentlyGood(isSipUri);
  readonly #outboundProxies = new RecentlyGood(isHop);
  readonly #contacts = new RecentlyGood(isContact);

  /** True when the value is a registration that the schema would accept as it stands. */
  accepts(value: unknown): value is RegistrationSettings {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const record = value as Readonly<Record<string, unknown>>;
    for (const key in record) {
      if (!this.#acceptsEntry(key, record[key])) return false;
    }
    return record['username'] !== undefined;
  }

  #acceptsEntry(key: string, value: unknown): boolean {
    if (key === 'auth') return isPlainAuth(value);
    if (key === 'expires') return isPlainExpires(value);
    if (typeof value !== 'string' || value === '') return false;
    switch (key) {
      case 'id':
        return isRegistrationId(value);
      case 'username':
      case 'ddi':
        return isUserPart(value, 64);
      case 'domain':
        return this.#domains.accepts(value);
      case 'registrar':
        return this.#registrars.accepts(value);
      case 'outboundProxy':
        return this.#outboundProxies.accepts(value);
      case 'contact':
        return this.#contacts.accepts(value);
      case 'localSocket':
      case 'preset':
      case 'via':
        return isName(value);
      default:
        return CHOICES.get(key)?.has(value) === true;
    }
  }
}

function isPlainAuth(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const record = value as Readonly<Record<string, unknown>>;
  for (const key in record) {
    const text = record[key];
    if (!AUTH_KEYS.has(key) || typeof text !== 'string' || text === '') return false;
    if (text.length > 255 || hasControl(text) || !text.isWellFormed()) return false;
  }
  return true;
}

function isPlainExpires(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 5 && value <= 604_800;
}

function isHop(text: string): boolean {
  return typeof parseHop(text) !== 'string';
}

function isSipUri(text: string): boolean {
  return /^sips?:/i.test(text) && isHop(text);
}

function isContact(text: string): boolean {
  return text === 'self' || text === 'learned' || typeof parseHostPort(text) !== 'string';
}

/** Remembers the last few texts that passed: most lines repeat them. */
class RecentlyGood {
  readonly #texts = new Set<string>();
  readonly #test: (text: string) => boolean;

  constructor(test: (text: string) => boolean) {
    this.#test = test;
  }

  accepts(text: string): boolean {
    if (this.#texts.has(text)) return true;
    if (!this.#test(text)) return false;
    if (this.#texts.size >= 256) this.#texts.clear();
    this.#texts.add(text);
    return true;
  }
}

const AUTH_KEYS: ReadonlySet<string> = new Set(['username', 'password', 'ha1', 'realm']);
/** Keys that take one word of a list. */
const CHOICES: ReadonlyMap<string, ReadonlySet<unknown>> = new Map(
  Object.entries(registrationSchema.shape).flatMap(([key, schema]) => {
    const value = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
    return value instanceof z.ZodEnum ? [[key, new Set(value.options)] as const] : [];
  }),
);
