/**
 * How long certificates are good for: those of our own sockets, and those that servers showed us. Told
 * 30, 14, 7 and 1 days before the end, and when it has come; each once for one certificate.
 */
import { X509Certificate } from 'node:crypto';
import { forgetOldest } from '../core/base/bounded-map.ts';
import { after } from '../core/base/instant.ts';
import { Timer } from '../core/base/timer-queue.ts';
import type { NetContext } from './net-context.ts';

export interface CertificateRow {
  readonly role: 'own' | 'peer';
  /** The local socket, or the identity and target of the server. */
  readonly name: string;
  readonly localSocket: string;
  readonly subject: string;
  readonly fingerprint: string;
  /** Unix time in milliseconds. */
  readonly notAfterMs: number;
}

interface Kept extends CertificateRow {
  /** The last warning that was given, by its days; undefined: none. */
  told: number | undefined;
}

const DAY_MS = 86_400_000;
/** Days before the end, the last first; 0: it is over. */
const WARNINGS = [0, 1, 7, 14, 30] as const;
const CHECK_EVERY_MS = 3_600_000;
/** Servers that are remembered; the one that was seen longest ago is forgotten. */
const MAX_PEERS = 1024;

export class CertificateBook {
  readonly #context: Pick<NetContext, 'clock' | 'timers' | 'notify'>;
  readonly #wallMs: () => number;
  readonly #own = new Map<string, Kept>();
  readonly #peers = new Map<string, Kept>();
  readonly #timer = new Timer(() => this.#check());

  /** `wallMs`: certificates are good until a time of the wall clock. */
  constructor(
    context: Pick<NetContext, 'clock' | 'timers' | 'notify'>,
    wallMs: () => number = Date.now,
  ) {
    this.#context = context;
    this.#wallMs = wallMs;
  }

  rows(): readonly CertificateRow[] {
    return [...this.#own.values(), ...this.#peers.values()];
  }

  /** The certificate of a local socket, as PEM text; undefined: it has none (any more). */
  setOwn(localSocket: string, pem: string | undefined): void {
    if (pem === undefined) this.#own.delete(localSocket);
    else this.#keep(this.#own, localSocket, 'own', localSocket, new X509Certificate(pem));
  }

  /** A server that was accepted showed it. */
  sawPeer(name: string, localSocket: string, certificate: X509Certificate): void {
    this.#keep(this.#peers, name, 'peer', localSocket, certificate);
    forgetOldest(this.#peers, MAX_PEERS);
  }

  stop(): void {
    this.#context.timers.disarm(this.#timer);
  }

  #keep(
    rows: Map<string, Kept>,
    name: string,
    role: CertificateRow['role'],
    localSocket: string,
    certificate: X509Certificate,
  ): void {
    const fingerprint = certificate.fingerprint256;
    const known = rows.get(name);
    rows.delete(name);
    const told = known?.fingerprint === fingerprint ? known.told : undefined;
    const subject = subjectOf(certificate);
    const notAfterMs = certificate.validToDate.getTime();
    const row = { role, name, localSocket, subject, fingerprint, notAfterMs, told };
    rows.set(name, row);
    this.#warn(row);
    const { clock, timers } = this.#context;
    if (!this.#timer.isArmed) timers.arm(this.#timer, after(clock.now(), CHECK_EVERY_MS));
  }

  #check(): void {
    const { clock, timers } = this.#context;
    timers.arm(this.#timer, after(clock.now(), CHECK_EVERY_MS));
    for (const rows of [this.#own, this.#peers]) for (const row of rows.values()) this.#warn(row);
  }

  #warn(row: Kept): void {
    const leftMs = row.notAfterMs - this.#wallMs();
    const days = WARNINGS.find((limit) => leftMs <= limit * DAY_MS);
    if (days === undefined || (row.told !== undefined && days >= row.told)) return;
    row.told = days;
    const whose =
      row.role === 'own'
        ? `Our own certificate of local socket ${row.name}`
        : `The certificate of ${row.name}`;
    const end = new Date(row.notAfterMs).toISOString();
    const text =
      leftMs <= 0
        ? `${whose} expired at ${end}.`
        : `${whose} expires at ${end}, in ${span(leftMs)}.`;
    this.#context.notify({ kind: 'tls.expires', localSocket: row.localSocket, text });
  }
}

/**
 * Node gives none where the subject is empty, as authorities make it today (RFC 5280 section 4.1.2.6);
 * its types do not say so.
 */
function subjectOf({ subject }: { readonly subject: string | undefined }): string {
  return subject?.replaceAll('\n', ', ') ?? '';
}

function span(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  return days >= 2 ? `${days} days` : `${Math.max(1, Math.floor(ms / 3_600_000))} hours`;
}
