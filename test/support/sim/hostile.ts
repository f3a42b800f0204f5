import type { Random } from '../../../src/core/base/random.ts';
import type { SimServer } from './network.ts';
import { between, field } from './registrar.ts';
import type { Times } from './time.ts';

const CODES: readonly number[] = [
  ...[
    100, 180, 183, 199, 200, 200, 200, 200, 202, 204, 299, 300, 301, 302, 305, 380, 400, 401, 401,
  ],
  ...[
    401, 403, 404, 405, 406, 407, 407, 408, 410, 413, 415, 420, 421, 423, 423, 429, 430, 437, 439,
  ],
  ...[
    477, 480, 481, 482, 483, 486, 488, 494, 499, 500, 501, 502, 503, 504, 505, 513, 555, 600, 603,
  ],
  ...[604, 606, 699],
];
const EXPIRES = ['0', '1', '5', '30', '60', '600', '3600', '604800', '4294967296', 'abc', '-1', ''];
const WAITS = [
  '0',
  '1',
  '30',
  '600',
  '7200',
  '4294967296',
  'abc',
  '18 (busy)',
  '60;duration=9',
  '',
];
const REALMS = ['sim', 'sim', 'sim', 'other', 'a "quoted" one'];
const ALGORITHMS = [
  '',
  ', algorithm=MD5',
  ', algorithm=SHA-256',
  ', algorithm=MD5-sess',
  ', algorithm=x',
];
const QOPS = [
  '',
  ', qop="auth"',
  ', qop="auth"',
  ', qop="auth,auth-int"',
  ', qop="auth-int"',
  ', qop="z"',
];
const STALES = ['', '', ', stale=true', ', stale=false', ', stale=TRUE'];
const MOST_KEPT = 40;

/**
 * A server that answers as it likes: any code with any header fields, in any order, several times, late, to
 * requests of long ago, and with fields that belong to no request. Honest on demand.
 */
export class HostileServer implements SimServer {
  isHonest = false;
  /** Who gets every 2xx forged. */
  denies: (user: string) => boolean = () => false;
  /** Responses that were sent. */
  responses = 0;
  /** The latest end of a binding that a genuine 2xx to that user can have made. */
  readonly promised = new Map<string, number>();
  readonly #time: Times;
  readonly #random: Random;
  readonly #later: (ms: number, step: () => void) => void;
  readonly #past: string[] = [];
  #nonces = 0;

  constructor(time: Times, random: Random, later: (ms: number, step: () => void) => void) {
    this.#time = time;
    this.#random = random;
    this.#later = later;
  }

  receive(wire: string, _from: string, answer: (wire: string) => void): void {
    if (this.isHonest) {
      this.#send(wire, 200, [`Contact: ${field(wire, 'Contact')}`], answer);
      return;
    }
    this.#past.push(wire);
    if (this.#past.length > MOST_KEPT) this.#past.shift();
    const count = this.#draw([0, 1, 1, 1, 1, 2, 3]);
    for (let number = 0; number < count; number += 1) {
      const isOld = this.#random.fraction() < 0.1;
      this.#answer(isOld ? this.#draw(this.#past) : wire, answer);
    }
  }

  #answer(wire: string, answer: (wire: string) => void): void {
    const status = this.#draw(CODES);
    const text = this.#response(wire, status, this.#lines(wire, status));
    const isDenied = status >= 200 && status < 300 && this.denies(userOf(wire));
    const isForged = isDenied || this.#random.fraction() < 0.15;
    const sent = isForged ? this.#forge(text) : text;
    const ms = this.#delayMs();
    const copies = this.#draw([1, 1, 1, 2, 3]);
    for (let copy = 0; copy < copies; copy += 1) {
      this.#later(ms + copy * this.#random.fraction() * 2_000, () => {
        this.responses += 1;
        if (!isForged && status >= 200 && status < 300) this.#promise(wire, sent);
        answer(sent);
      });
    }
  }

  #send(wire: string, status: number, lines: readonly string[], answer: (w: string) => void): void {
    const sent = this.#response(wire, status, lines);
    this.#promise(wire, sent);
    answer(sent);
  }

  /** A week at most, whatever it says. */
  #promise(wire: string, response: string): void {
    if (!response.includes('\r\nContact: ')) return;
    const user = userOf(wire);
    const until = this.#time.elapsedMs + 604_800_000;
    this.promised.set(user, Math.max(until, this.promised.get(user) ?? 0));
  }

  #response(wire: string, status: number, lines: readonly string[]): string {
    const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map(
      (name) => `${name}: ${field(wire, name)}`,
    );
    const to = `To: ${field(wire, 'To')};tag=h${Math.floor(this.#random.fraction() * 1e6)}`;
    return [
      `SIP/2.0 ${status} Whatever`,
      ...copied,
      to,
      ...lines,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  }

  #lines(wire: string, status: number): string[] {
    const lines: string[] = [];
    if (status === 401 || status === 407 || this.#random.fraction() < 0.03) {
      lines.push(this.#challenge(status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate'));
      if (this.#random.fraction() < 0.2) lines.push(this.#challenge('WWW-Authenticate'));
    }
    if (this.#random.fraction() < 0.3) lines.push(`Retry-After: ${this.#draw(WAITS)}`);
    if (status === 423 || this.#random.fraction() < 0.05) {
      lines.push(`Min-Expires: ${this.#draw(EXPIRES)}`);
    }
    if (status < 400 && this.#random.fraction() < 0.8) lines.push(...this.#contacts(wire));
    if (this.#random.fraction() < 0.1) lines.push(`Expires: ${this.#draw(EXPIRES)}`);
    if (this.#random.fraction() < 0.05) lines.push('Require: outbound', 'Flow-Timer: 30');
    return lines;
  }

  #contacts(wire: string): string[] {
    const own = `<${between(field(wire, 'Contact'), '<', />/g)}>`;
    const others = ['<sip:someone@192.0.2.99:5060>', '*', '<sip:x@sim.example;transport=tcp>', '<'];
    const expires = this.#draw(EXPIRES);
    const granted = expires === '' ? own : `${own};expires=${expires}`;
    return this.#draw([
      [`Contact: ${granted}`],
      [`Contact: ${granted}`],
      [`Contact: ${granted}`],
      [`Contact: ${this.#draw(others)};expires=60`, `Contact: ${granted}`],
      [`Contact: ${this.#draw(others)}`],
    ]);
  }

  #challenge(name: string): string {
    this.#nonces += this.#random.fraction() < 0.7 ? 1 : 0;
    const realm = this.#draw(REALMS).replaceAll('"', '\\"');
    const scheme = this.#random.fraction() < 0.05 ? 'Basic' : 'Digest';
    const [algorithm, qop, stale] = [this.#draw(ALGORITHMS), this.#draw(QOPS), this.#draw(STALES)];
    return `${name}: ${scheme} realm="${realm}", nonce="n${this.#nonces}"${algorithm}${qop}${stale}`;
  }

  /** One field of it belongs to another request. */
  #forge(text: string): string {
    const change = this.#draw<(text: string) => string>([
      (all) => all.replace(/branch=z9hG4bK./, 'branch=z9hG4bK-'),
      (all) => all.replace(/CSeq: (\d+)/, 'CSeq: 9$1'),
      (all) => all.replace(/CSeq: (\d+) REGISTER/, 'CSeq: $1 OPTIONS'),
      (all) => all.replace(/Call-ID: ./, 'Call-ID: -'),
      (all) => all.replace(/(From: .*tag=)./, '$1-'),
      (all) => all.replace('Via: ', 'Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKother\r\nVia: '),
      (all) => all.replace(/Via: SIP\/2.0\/(\S+) \S+?;/, 'Via: SIP/2.0/$1 192.0.2.9:5060;'),
    ]);
    return change(text);
  }

  #delayMs(): number {
    const chance = this.#random.fraction();
    if (chance < 0.7) return this.#random.fraction() * 40;
    return this.#random.fraction() * (chance < 0.9 ? 4_000 : 70_000);
  }

  #draw<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random.fraction() * items.length)] as T;
  }
}

function userOf(wire: string): string {
  return between(field(wire, 'To'), ':', /@/g);
}
