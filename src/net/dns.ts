/**
 * The stub resolver (RFC 1034 section 5.3.1) behind `LookupPort`, with sockets and time limits of its
 * own: `dns.lookup` runs in a pool of four threads, which stands still when a name server does, and
 * Node's resolver tells no TTL for SRV and NAPTR. Names in /etc/hosts come before the DNS. It remembers
 * nothing; core/sip/locate/lookup-cache.ts does.
 */
import { isIP } from 'node:net';
import type { Clock } from '../core/base/clock.ts';
import { failure, fault, type Result, success } from '../core/base/fault.ts';
import type { TimerQueue } from '../core/base/timer-queue.ts';
import type { LookupAnswer, LookupPort, LookupQuestion } from '../core/sip/locate/ports.ts';
import { OpenQuestion } from './dns-question.ts';
import { HostsFile } from './hosts-file.ts';
import { NameServers } from './resolv-conf.ts';

type Receive = (result: Result<LookupAnswer>) => void;

export interface LookupOptions {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  /** `ip`, `ip:port` or `[ip]:port`; undefined: those of resolv.conf. */
  readonly servers: readonly string[] | undefined;
  readonly hostsPath?: string;
  readonly resolvConfPath?: string;
}

/** For names that are not asked of the DNS. */
const FIXED_TTL_SEC = 60;
/** Each question has a socket per try. */
const MAX_IN_FLIGHT = 64;
const MAX_WAITING = 100_000;

export class StubResolver implements LookupPort {
  readonly #options: LookupOptions;
  readonly #hosts: HostsFile;
  readonly #servers: NameServers;
  readonly #waiting: { readonly question: LookupQuestion; readonly receive: Receive }[] = [];
  #inFlight = 0;
  #foreign = 0;

  constructor(options: LookupOptions) {
    this.#options = options;
    this.#hosts = new HostsFile(options.hostsPath);
    this.#servers = new NameServers(options);
  }

  /** Messages from name servers that were no answer to what was asked: forged, late or garbage. */
  get foreignCount(): number {
    return this.#foreign;
  }

  ask(question: LookupQuestion, receive: Receive): void {
    const known = this.#withoutDns(question);
    if (known !== undefined) {
      setImmediate(() => receive(success(known)));
    } else if (this.#inFlight < MAX_IN_FLIGHT) {
      this.#start(question, receive);
    } else if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push({ question, receive });
    } else {
      const reason = fault('dns.failed', 'local', 'Too many names wait to be looked up.');
      setImmediate(() => receive(failure(reason)));
    }
  }

  /** A pinned name has the addresses of the file and no others, of either family. */
  #withoutDns({ kind, name }: LookupQuestion): LookupAnswer | undefined {
    if (kind !== 'a' && kind !== 'aaaa') return undefined;
    const addresses = isIP(name) === 0 ? this.#hosts.find(name) : [name];
    if (addresses === undefined) return undefined;
    const family = kind === 'a' ? 4 : 6;
    const records = addresses
      .filter((address) => isIP(address) === family)
      .map((address) => ({ kind: 'address' as const, address, family: family as 4 | 6 }));
    return { records, ttlSec: FIXED_TTL_SEC };
  }

  #start(question: LookupQuestion, receive: Receive): void {
    const { clock, timers } = this.#options;
    this.#inFlight += 1;
    const ports = { clock, timers, servers: this.#servers, foreign: () => this.#dropped() };
    const open = new OpenQuestion(question, ports, (result) => {
      this.#inFlight -= 1;
      this.#startNext();
      receive(result.ok ? success(this.#withoutPinned(result.value)) : result);
    });
    open.start();
  }

  #startNext(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next.question, next.receive);
  }

  /** What came along with an answer does not overrule the hosts file. */
  #withoutPinned(answer: LookupAnswer): LookupAnswer {
    if (answer.extras === undefined || answer.extras.length === 0) return answer;
    const extras = answer.extras.filter(
      ({ question }) => this.#hosts.find(question.name) === undefined,
    );
    return { ...answer, extras };
  }

  #dropped(): void {
    this.#foreign += 1;
  }
}
