/**
 * Odd registrars as data: the cases that were given (`quirks.json`, a copy of the trunkd test corpus) and our
 * own for the rules whose cases are kept back (`own.json`), in the same form with a few words more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Protocol = 'udp' | 'tcp' | 'tls';

/** One thing that the registrar sends as its answer. */
export interface QuirkReply {
  /** With placeholders, see quirk-render.ts; `\n` becomes CR LF unless `eol` says otherwise. */
  readonly raw?: string;
  readonly b64?: string;
  readonly delay?: number;
  /** UDP: sent from another port, or from 127.0.0.2. */
  readonly src?: 'altport' | 'altaddr';
  readonly eol?: 'crlf' | 'lf' | 'none' | 'raw';
  readonly repeat?: number;
  readonly tail?: string;
  /** Only so many octets of it. */
  readonly cut?: number;
  /** Streams: octets a segment, or `cr`: cut behind each CR. */
  readonly split?: number | 'cr';
  readonly close?: boolean;
}

/** What the case asks of us; the words of the corpus, and ours. quirk-judge.ts knows each of them. */
type QuirkExpectation = Readonly<Record<string, unknown>>;

export interface QuirkCase {
  readonly id: string;
  readonly title: string;
  /** `any`: UDP, TCP and TLS; `tcp`: any stream; `tls`: TLS alone. */
  readonly transport: 'any' | 'udp' | 'tcp' | 'tls';
  readonly seen: readonly string[];
  /** Each new transaction goes one step on; the last one repeats. */
  readonly steps: readonly (readonly QuirkReply[])[];
  readonly expect: QuirkExpectation;
  /** Keys of the registration, where the case is about them (own cases). */
  readonly registration?: Readonly<Record<string, unknown>>;
  /** Where it listens, if not on 127.0.0.1 (own cases). */
  readonly host?: string;
  /** How many keep-alives (pings on a stream, STUN over UDP) it answers; all where it is left out (own cases). */
  readonly keepAlives?: number;
  /** The ports that it says it sees in STUN, one after the other, the last one again and again (own cases). */
  readonly mappedPorts?: readonly number[];
  /** What trunkd does where the rule leaves it the choice. */
  readonly policy?: string;
}

const FOLDER = join(import.meta.dirname, '../../interop/quirks');

const read = (name: string): readonly QuirkCase[] =>
  (JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as { readonly quirks: QuirkCase[] }).quirks;

export const GIVEN_CASES = read('quirks.json');
export const OWN_CASES = read('own.json');

const PROTOCOLS: Readonly<Record<QuirkCase['transport'], readonly Protocol[]>> = {
  any: ['udp', 'tcp', 'tls'],
  udp: ['udp'],
  tcp: ['tcp', 'tls'],
  tls: ['tls'],
};

export const protocolsOf = (quirk: QuirkCase): readonly Protocol[] => PROTOCOLS[quirk.transport];
