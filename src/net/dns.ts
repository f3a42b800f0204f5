/**
 * DNS questions over c-ares, with its own sockets and time limits: `dns.lookup` runs in a pool of four
 * threads, which stands still when a name server does. /etc/hosts is read by us. A changed resolv.conf is
 * noticed where no servers are configured.
 *
 * Node's resolver tells no TTL for SRV and NAPTR: they get 60 s.
 */
import dns from 'node:dns';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Clock } from '../core/base/clock.ts';
import { type Fault, failure, fault, type Result, success } from '../core/base/fault.ts';
import { after } from '../core/base/instant.ts';
import { Timer, type TimerQueue } from '../core/base/timer-queue.ts';
import type {
  LookupAnswer,
  LookupPort,
  LookupQuestion,
  LookupRecord,
} from '../core/sip/locate/ports.ts';
import { HostsFile } from './hosts-file.ts';

type Receive = (result: Result<LookupAnswer>) => void;

export interface LookupOptions {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  /** `ip`, `ip:port` or `[ip]:port`; undefined: those of resolv.conf. */
  readonly servers: readonly string[] | undefined;
  readonly hostsPath?: string;
  readonly resolvConfPath?: string;
}

const TRY_MS = 2_000;
const TRIES = 2;
/** For one question with all its tries at all servers. */
const WHOLE_MS = 6_000;
const FIXED_TTL_SEC = 60;
const MAX_IN_FLIGHT = 200;
const MAX_WAITING = 100_000;
const MAX_ADDRESSES = 16;
const MAX_SRV = 32;
const MAX_NAPTR = 8;

const NOT_FOUND = new Set<string>([dns.NOTFOUND, dns.NODATA, dns.BADNAME]);

export class NodeLookup implements LookupPort {
  readonly #options: LookupOptions;
  readonly #hosts: HostsFile;
  readonly #waiting: { readonly question: LookupQuestion; readonly receive: Receive }[] = [];
  #resolver: dns.Resolver;
  #resolvConfVersion: string;
  #inFlight = 0;

  constructor(options: LookupOptions) {
    this.#options = options;
    this.#hosts = new HostsFile(options.hostsPath);
    this.#resolvConfVersion = this.#versionOfResolvConf();
    this.#resolver = makeResolver(options.servers);
  }

  ask(question: LookupQuestion, receive: Receive): void {
    const known = question.kind === 'addresses' ? this.#withoutDns(question.name) : undefined;
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

  #withoutDns(name: string): LookupAnswer | undefined {
    const addresses = isIP(name) === 0 ? this.#hosts.find(name) : [name];
    if (addresses === undefined) return undefined;
    return { records: addresses.map(addressRecord), ttlSec: FIXED_TTL_SEC };
  }

  #start(question: LookupQuestion, receive: Receive): void {
    const { clock, timers } = this.#options;
    this.#inFlight += 1;
    let isOver = false;
    const end = (result: Result<LookupAnswer>): void => {
      if (isOver) return;
      isOver = true;
      timers.disarm(limit);
      this.#inFlight -= 1;
      this.#startNext();
      receive(result);
    };
    const limit = new Timer(() => end(failure(dnsFault(dns.TIMEOUT, question.name))));
    timers.arm(limit, after(clock.now(), WHOLE_MS));
    query(this.#currentResolver(), question, end);
  }

  #startNext(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next.question, next.receive);
  }

  #currentResolver(): dns.Resolver {
    if (this.#options.servers !== undefined) return this.#resolver;
    const version = this.#versionOfResolvConf();
    if (version !== this.#resolvConfVersion) {
      this.#resolvConfVersion = version;
      this.#resolver = makeResolver(undefined);
    }
    return this.#resolver;
  }

  #versionOfResolvConf(): string {
    const path = this.#options.resolvConfPath ?? '/etc/resolv.conf';
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
  }
}

function makeResolver(servers: readonly string[] | undefined): dns.Resolver {
  const resolver = new dns.Resolver({ timeout: TRY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}

function query(resolver: dns.Resolver, question: LookupQuestion, receive: Receive): void {
  switch (question.kind) {
    case 'addresses':
      queryAddresses(resolver, question.name, receive);
      return;
    case 'srv':
      resolver.resolveSrv(question.name, (error, records = []) => {
        const found = records.slice(0, MAX_SRV).map(({ name, port, priority, weight }) => {
          return { kind: 'srv' as const, target: name, port, priority, weight };
        });
        receive(answer(question.name, error, found));
      });
      return;
    case 'naptr':
      resolver.resolveNaptr(question.name, (error, records = []) => {
        const found = records.slice(0, MAX_NAPTR).map((record) => {
          const { order, preference, flags, service, replacement } = record;
          return { kind: 'naptr' as const, order, preference, flags, service, replacement };
        });
        receive(answer(question.name, error, found));
      });
  }
}

function answer(
  name: string,
  error: NodeJS.ErrnoException | null,
  records: readonly LookupRecord[],
): Result<LookupAnswer> {
  if (error !== null) return failure(dnsFault(error.code ?? '', name));
  if (records.length === 0) return failure(dnsFault(dns.NODATA, name));
  return success({ records, ttlSec: FIXED_TTL_SEC });
}

interface FamilyAnswer {
  readonly code: string | undefined;
  readonly records: readonly dns.RecordWithTtl[];
}

/** A and AAAA side by side: what one of them finds is enough. */
function queryAddresses(resolver: dns.Resolver, name: string, receive: Receive): void {
  const answers: FamilyAnswer[] = [];
  const collect = (
    error: NodeJS.ErrnoException | null,
    records: dns.RecordWithTtl[] = [],
  ): void => {
    answers.push({ code: error === null ? undefined : (error.code ?? ''), records });
    if (answers.length === 2) receive(mergeFamilies(name, answers));
  };
  resolver.resolve4(name, { ttl: true }, collect);
  resolver.resolve6(name, { ttl: true }, collect);
}

function mergeFamilies(name: string, answers: readonly FamilyAnswer[]): Result<LookupAnswer> {
  const found = answers.flatMap(({ records }) => records).slice(0, MAX_ADDRESSES);
  if (found.length > 0) {
    const ttlSec = Math.min(...found.map(({ ttl }) => ttl));
    return success({ records: found.map(({ address }) => addressRecord(address)), ttlSec });
  }
  // 'There is none' is only known when both said so.
  const codes = answers.map(({ code }) => code ?? dns.NODATA);
  return failure(dnsFault(codes.find((code) => !NOT_FOUND.has(code)) ?? dns.NOTFOUND, name));
}

function addressRecord(address: string): LookupRecord {
  return { kind: 'address', address, family: isIP(address) === 6 ? 6 : 4 };
}

/** A name server that cannot be asked at all is our own trouble; one that fails may be anybody's. */
function dnsFault(code: string, name: string): Fault {
  if (NOT_FOUND.has(code))
    return fault('dns.notFound', 'config', `The DNS knows no such record for ${name}.`);
  if (code === dns.TIMEOUT)
    return fault('dns.timeout', 'network', `No name server answered in time for ${name}.`);
  const blame = code === dns.CONNREFUSED ? 'local' : 'network';
  return fault('dns.failed', blame, `The name server gave no answer for ${name} (${code}).`);
}
