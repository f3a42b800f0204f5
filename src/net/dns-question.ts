/**
 * One question with all its tries, until there is one result:
 *
 *   UDP to the first server --1 s--> to the next --1.5 s--> to the next ... --5 s in all--> dns.timeout
 *        |  truncated: the same server over TCP (RFC 7766)
 *        |  an error, a closed port: the next server at once; without EDNS where that was the trouble
 *        +--answer--> result;  alias that leads out of the answer: asked on, a few times
 *
 * Earlier tries stay open: a late answer is as good as a quick one, as long as nobody was told.
 */
import { randomInt } from 'node:crypto';
import type { Clock } from '../core/base/clock.ts';
import { type Fault, failure, fault, type Result, success } from '../core/base/fault.ts';
import { after } from '../core/base/instant.ts';
import { Timer, type TimerQueue } from '../core/base/timer-queue.ts';
import type { LookupAnswer, LookupQuestion } from '../core/sip/locate/ports.ts';
import { encodeQuery, type Reply, readReply } from './dns-message.ts';
import { askByTcp, askByUdp, type WireQuery } from './dns-wire.ts';
import type { NameServer, NameServers } from './resolv-conf.ts';

/** How long the first, second ... try has the servers for itself. */
const TURNS_MS: readonly number[] = [1_000, 1_500, 2_500];
const LAST_TURN_MS = 2_500;
const WHOLE_MS = 5_000;
const LEAST_TRIES = 3;
const MOST_TRIES = 6;
/** Aliases that lead from one answer to another question. */
const MAX_ALIASES = 8;

export interface QuestionPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly servers: NameServers;
  /** Counts what came from a server and was no answer. */
  readonly foreign: () => void;
}

export class OpenQuestion {
  readonly #ports: QuestionPorts;
  readonly #asked: LookupQuestion;
  readonly #receive: (result: Result<LookupAnswer>) => void;
  readonly #limit = new Timer(() => this.#timedOut());
  readonly #turn = new Timer(() => this.#turnOver());
  #question: LookupQuestion;
  /** Whom to ask, in turn; who cannot answer is taken out. */
  #line: readonly NameServer[] = [];
  #next = 0;
  #queries: WireQuery[] = [];
  /** Tries that may still be answered. */
  #open = 0;
  #aliases = 0;
  #aliasTtlSec = Number.MAX_SAFE_INTEGER;
  /** Why a server could not answer; the last one that said so. */
  #error: string | undefined;
  #isOver = false;

  constructor(
    question: LookupQuestion,
    ports: QuestionPorts,
    receive: (result: Result<LookupAnswer>) => void,
  ) {
    this.#ports = ports;
    this.#asked = question;
    this.#question = question;
    this.#receive = receive;
  }

  /** The result comes later, once. */
  start(): void {
    const { clock, timers } = this.#ports;
    timers.arm(this.#limit, after(clock.now(), WHOLE_MS));
    this.#begin(this.#question);
  }

  #begin(question: LookupQuestion): void {
    this.#question = question;
    const servers = this.#ports.servers.inOrder();
    const tries = Math.min(Math.max(LEAST_TRIES, servers.length), MOST_TRIES);
    this.#line = Array.from({ length: tries }, (_, turn) => servers[turn % servers.length]).filter(
      (one) => one !== undefined,
    );
    this.#next = 0;
    this.#tryNext();
  }

  #tryNext(): void {
    const server = this.#line[this.#next];
    const { clock, timers } = this.#ports;
    if (server === undefined) {
      timers.disarm(this.#turn);
      if (this.#open === 0) this.#end(failure(this.#whyNot()));
      return;
    }
    const turnMs = TURNS_MS[this.#next] ?? LAST_TURN_MS;
    this.#next += 1;
    timers.arm(this.#turn, after(clock.now(), turnMs));
    this.#ask(server, true);
  }

  /** The server of this turn kept silent. */
  #turnOver(): void {
    const silent = this.#line[this.#next - 1];
    if (silent !== undefined) this.#ports.servers.failed(silent);
    this.#tryNext();
  }

  #ask(server: NameServer, withEdns: boolean): void {
    const id = randomInt(0x10000);
    const query = encodeQuery(this.#question, id, withEdns);
    if (query === undefined) {
      const text = `"${this.#question.name.slice(0, 80)}" cannot be asked of the DNS.`;
      setImmediate(() => this.#end(failure(fault('dns.notFound', 'config', text))));
      return;
    }
    const question = this.#question;
    this.#open += 1;
    const tried: Try = { server, query, id, question, withEdns };
    const udp = askByUdp(server, query, {
      received: (octets) => this.#received(tried, readReply(octets, question, id), udp),
      failed: (code) => this.#failed(tried, code),
    });
    this.#queries.push(udp);
  }

  #received(tried: Try, reply: Reply, by: WireQuery): void {
    if (this.#isOver || tried.question !== this.#question) return;
    switch (reply.kind) {
      case 'foreign':
        this.#ports.foreign();
        break;
      case 'truncated':
        by.close();
        this.#askByTcp(tried);
        break;
      case 'alias':
        this.#ports.servers.succeeded(tried.server);
        this.#follow(reply.name, reply.ttlSec);
        break;
      case 'error':
        by.close();
        this.#refused(tried, reply.code);
        break;
      case 'answer':
        this.#ports.servers.succeeded(tried.server);
        this.#end(success(this.#shortened(reply.answer)));
        break;
    }
  }

  #askByTcp(tried: Try): void {
    const tcp = askByTcp(tried.server, tried.query, {
      received: (octets) => {
        const reply = readReply(octets, tried.question, tried.id);
        // Over TCP nothing more can follow, and nothing can be too long.
        const isUseless = reply.kind === 'foreign' || reply.kind === 'truncated';
        if (isUseless) this.#failed(tried, 'no usable answer over TCP');
        else this.#received(tried, reply, tcp);
      },
      failed: (code) => this.#failed(tried, code),
    });
    this.#queries.push(tcp);
  }

  /** RFC 6891 section 7: servers from before EDNS say FORMERR or NOTIMP. */
  #refused(tried: Try, code: string): void {
    if (tried.withEdns && (code === 'FORMERR' || code === 'NOTIMP')) {
      this.#open -= 1;
      this.#ask(tried.server, false);
      return;
    }
    this.#failed(tried, code);
  }

  #failed({ server, question }: Try, code: string): void {
    if (this.#isOver || question !== this.#question) return;
    this.#open -= 1;
    this.#error = code;
    this.#ports.servers.failed(server);
    // It is not asked again; whoever comes next is asked now.
    const isItsTurn = this.#line[this.#next - 1] === server;
    const done = this.#line.slice(0, this.#next);
    const rest = this.#line.slice(this.#next).filter((one) => one !== server);
    this.#line = [...done, ...rest];
    if (isItsTurn || this.#open === 0) this.#tryNext();
  }

  #follow(name: string, ttlSec: number): void {
    this.#aliases += 1;
    this.#aliasTtlSec = Math.min(this.#aliasTtlSec, ttlSec);
    if (this.#aliases > MAX_ALIASES) {
      const text = `The aliases (CNAME) of ${this.#asked.name} do not come to an end.`;
      this.#end(failure(fault('dns.failed', 'peer', text)));
      return;
    }
    this.#closeAll();
    this.#open = 0;
    this.#begin({ kind: this.#asked.kind, name });
  }

  #shortened(answer: LookupAnswer): LookupAnswer {
    return { ...answer, ttlSec: Math.min(answer.ttlSec, this.#aliasTtlSec) };
  }

  #timedOut(): void {
    const silent = this.#line[this.#next - 1];
    if (silent !== undefined) this.#ports.servers.failed(silent);
    const text = `No name server answered in time for ${this.#asked.name}.`;
    this.#end(failure(fault('dns.timeout', 'network', text)));
  }

  /** A name server that cannot be asked at all is our own trouble; one that fails may be anybody's. */
  #whyNot(): Fault {
    const code = this.#error ?? '';
    const isLocal = code === 'ECONNREFUSED' || code === 'ENETUNREACH' || code === 'EMFILE';
    const text = `The name server gave no answer for ${this.#asked.name} (${code}).`;
    return fault('dns.failed', isLocal ? 'local' : 'network', text);
  }

  #end(result: Result<LookupAnswer>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { timers } = this.#ports;
    timers.disarm(this.#limit);
    timers.disarm(this.#turn);
    this.#closeAll();
    this.#receive(result);
  }

  #closeAll(): void {
    for (const query of this.#queries) query.close();
    this.#queries = [];
  }
}

interface Try {
  readonly server: NameServer;
  readonly query: Buffer;
  readonly id: number;
  readonly question: LookupQuestion;
  readonly withEdns: boolean;
}
