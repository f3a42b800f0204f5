import { hash } from 'node:crypto';
import { elapsedMs, type Instant } from '../../../src/core/base/instant.ts';
import type { Random } from '../../../src/core/base/random.ts';
import type { SimServer } from './network.ts';
import type { Times } from './time.ts';

interface Binding {
  readonly contact: string;
  readonly expiresAt: number;
}

export interface RegistrarPlan {
  readonly realm: string;
  /** User -> password. */
  readonly users: ReadonlyMap<string, string>;
  /** Grants what is asked for, up to this. */
  readonly maxExpiresSec: number;
  readonly nonceLifeSec: number;
  /** Answers that are kept for copies of their requests; 5,000 where left out. */
  readonly remembered?: number;
}

/**
 * A digest registrar that is its own witness: it keeps the bindings and writes down every lapse,
 * every CSeq that does not rise, every wrong digest, and when each REGISTER came. It shares no code
 * with the daemon.
 */
export class SimRegistrar implements SimServer {
  readonly bindings = new Map<string, Binding>();
  /** AORs whose binding ran out before it was renewed, with the milliseconds that it was gone. */
  readonly lapses: { readonly aor: string; readonly atMs: number; readonly goneMs: number }[] = [];
  readonly violations: string[] = [];
  /** When each REGISTER arrived, copies included. */
  readonly arrivalsMs: number[] = [];
  /** Takes the place of `arrivalsMs` in long runs. */
  onArrival: (atMs: number, wire: string) => void = (atMs) => this.arrivalsMs.push(atMs);
  /** Told of each binding that is made, renewed or (0) removed. */
  onBound: ((user: string, grantedSec: number) => void) | undefined;
  /** Answers nothing while true. */
  isSilent = false;
  /** While set, every new request gets this in place of an answer of its own: status line and header lines. */
  mood: { readonly status: string; readonly lines: readonly string[] } | undefined;
  /** Share of transactions that it never answers, however often they are sent. */
  deafShare = 0;
  /** Users whose requests it drops without a word. */
  readonly drops = new Set<string>();
  /** Told of each renewal: what was left of the binding (below 0: it was gone). */
  onRenewed: (aor: string, leftMs: number) => void = () => {};
  readonly #lastCseq = new Map<string, number>();
  readonly #nonces = new Map<string, { readonly at: Instant; nc: number }>();
  /** Answers by branch, for copies; undefined: never answered. */
  readonly #answers = new Map<string, string | undefined>();
  readonly #time: Times;
  readonly #random: Random;
  readonly #plan: RegistrarPlan;

  constructor(time: Times, random: Random, plan: RegistrarPlan) {
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
  }

  /** Writes down as lapsed what is gone now and was not renewed. */
  close(): void {
    for (const [aor, binding] of this.bindings) this.#noteLapse(aor, binding);
  }

  /** Loses all bindings and nonces, as after a restart. */
  restart(): void {
    this.bindings.clear();
    this.#nonces.clear();
    this.#answers.clear();
  }

  receive(wire: string, _from: string, answer: (wire: string) => void): void {
    if (this.isSilent) return;
    this.onArrival(this.#time.elapsedMs, wire);
    if (this.drops.size > 0 && this.drops.has(between(field(wire, 'To'), ':', /@/g))) return;
    const branch = between(wire, 'branch=', /[;\r\s]/g);
    const known = this.#answers.get(branch);
    if (this.#answers.has(branch)) {
      if (known !== undefined) answer(known);
      return;
    }
    const isDeaf = this.deafShare > 0 && this.#random.fraction() < this.deafShare;
    const reply = isDeaf ? undefined : this.#respond(wire);
    this.#answers.set(branch, reply);
    if (this.#answers.size > (this.#plan.remembered ?? 5000)) {
      const [oldest] = this.#answers.keys();
      if (oldest !== undefined) this.#answers.delete(oldest);
    }
    if (reply !== undefined) answer(reply);
  }

  #respond(wire: string): string {
    const reply = (status: string, ...lines: string[]) =>
      [
        `SIP/2.0 ${status}`,
        `Via: ${field(wire, 'Via')};received=10.0.0.1`,
        `From: ${field(wire, 'From')}`,
        `To: ${field(wire, 'To')};tag=reg`,
        `Call-ID: ${field(wire, 'Call-ID')}`,
        `CSeq: ${field(wire, 'CSeq')}`,
        ...lines,
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n');
    this.#checkCseq(field(wire, 'Call-ID'), Number.parseInt(field(wire, 'CSeq'), 10));
    if (this.mood !== undefined) return reply(this.mood.status, ...this.mood.lines);
    const verdict = this.#authenticate(field(wire, 'Authorization'));
    if (verdict !== 'ok') {
      const nonce = this.#newNonce();
      const stale = verdict === 'stale' ? ', stale=true' : '';
      return reply(
        '401 Unauthorized',
        `WWW-Authenticate: Digest realm="${this.#plan.realm}", nonce="${nonce}", qop="auth"${stale}`,
      );
    }
    const aor = between(field(wire, 'To'), '<', />/g);
    const offered = field(wire, 'Contact');
    const contact = between(offered, '<', />/g);
    const wish = field(wire, 'Expires') || between(offered, 'expires=', /[^0-9]/g) || '3600';
    const granted = Math.min(Number.parseInt(wish, 10), this.#plan.maxExpiresSec);
    this.#bind(aor, contact, granted);
    this.onBound?.(between(aor, ':', /@/g), granted);
    return reply('200 OK', ...(granted > 0 ? [`Contact: <${contact}>;expires=${granted}`] : []));
  }

  #newNonce(): string {
    const nonce = this.#random.hex(32);
    this.#nonces.set(nonce, { at: this.#time.now(), nc: 0 });
    if (this.#nonces.size > 3 * this.#plan.users.size + 100) {
      const [oldest] = this.#nonces.keys();
      if (oldest !== undefined) this.#nonces.delete(oldest);
    }
    return nonce;
  }

  #bind(aor: string, contact: string, grantedSec: number): void {
    const before = this.bindings.get(aor);
    if (before !== undefined) {
      this.#noteLapse(aor, before);
      this.onRenewed(aor, before.expiresAt - this.#time.elapsedMs);
    }
    if (grantedSec === 0) this.bindings.delete(aor);
    else this.bindings.set(aor, { contact, expiresAt: this.#time.elapsedMs + grantedSec * 1000 });
  }

  #noteLapse(aor: string, binding: Binding): void {
    const goneMs = this.#time.elapsedMs - binding.expiresAt;
    if (goneMs > 0) this.lapses.push({ aor, atMs: binding.expiresAt, goneMs });
  }

  #checkCseq(callId: string, cseq: number): void {
    const last = this.#lastCseq.get(callId);
    // Copies were answered before by their branch, and one REGISTER waits for the other.
    if (last !== undefined && cseq <= last) {
      this.violations.push(`CSeq ${cseq} after ${last} in ${callId}`);
    }
    this.#lastCseq.set(callId, Math.max(cseq, last ?? 0));
  }

  #authenticate(header: string): 'ok' | 'none' | 'stale' {
    if (header === '') return 'none';
    const value = (name: string) => {
      const quoted = between(header, ` ${name}="`, /"/g);
      return quoted === '' ? between(header, ` ${name}=`, /,/g) : quoted;
    };
    const username = value('username');
    const nonce = this.#nonces.get(value('nonce'));
    const expected = digest(this.#plan, username, value);
    if (value('response') !== expected) {
      this.violations.push(`wrong digest of ${username}`);
      return 'none';
    }
    if (nonce === undefined) return 'stale';
    const nc = Number.parseInt(value('nc'), 16);
    if (nc <= nonce.nc) this.violations.push(`nc ${nc} after ${nonce.nc} of ${username}`);
    nonce.nc = Math.max(nonce.nc, nc);
    if (elapsedMs(nonce.at, this.#time.now()) <= this.#plan.nonceLifeSec * 1000) return 'ok';
    this.#nonces.delete(value('nonce'));
    return 'stale';
  }
}

function digest(plan: RegistrarPlan, username: string, value: (name: string) => string): string {
  const ha1 = md5(`${username}:${plan.realm}:${plan.users.get(username) ?? ''}`);
  const ha2 = md5(`REGISTER:${value('uri')}`);
  return md5(`${ha1}:${value('nonce')}:${value('nc')}:${value('cnonce')}:auth:${ha2}`);
}

function md5(text: string): string {
  return hash('md5', Buffer.from(text, 'latin1'));
}

/** The value of a header field that the daemon writes; empty when it is not there. */
export function field(wire: string, name: string): string {
  return between(wire, `\r\n${name}: `, /\r/g);
}

/** What stands between the first `start` and the next match of `end` (a global expression), or the end. */
export function between(text: string, start: string, end: RegExp): string {
  const found = text.indexOf(start);
  if (found < 0) return '';
  const from = found + start.length;
  end.lastIndex = from;
  const match = end.exec(text);
  return text.slice(from, match === null ? text.length : match.index);
}
