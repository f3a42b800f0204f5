/** What consumers are made of, and what they tell. */
import type { Cause } from '../core/base/cause.ts';
import type { Clock } from '../core/base/clock.ts';
import type { Instant } from '../core/base/instant.ts';
import type { TimerQueue } from '../core/base/timer-queue.ts';
import type { HealthEvent } from '../core/health/events.ts';
import type { HealthBook } from '../core/health/snapshot.ts';

/** All that a consumer reads: the verdicts, as of now. */
export type VerdictBook = Pick<HealthBook, 'revision' | 'freeze' | 'contracts' | 'contract'>;

/** Files that others read while we write them. */
export interface Files {
  /** Undefined when there is none that can be read. */
  read(path: string): Promise<string | undefined>;
  /** Others see the old text or the new one, whole. Rejects when it cannot be written. */
  write(path: string, text: string): Promise<void>;
  /** Adds to a file that grows no larger than a limit. Rejects when it cannot be written. */
  append(path: string, text: string): Promise<void>;
}

/** Who is called at the Contact user `ddi`. */
export interface ContactOwner {
  readonly id: string;
  readonly ddi: string;
  readonly contract: string;
}

/** The local socket of a SIP proxy of ours, as `udp:203.0.113.10:5060`; undefined: it is not known by address. */
export type ProxySocket = (proxy: string) => string | undefined;

export interface ConsumerPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly book: VerdictBook;
  readonly files: Files;
  readonly proxySocket: ProxySocket;
  /** Tells this machine from others, over restarts. */
  readonly hostId: string;
  /** All that are configured. */
  readonly registrations: () => Iterable<ContactOwner>;
  /** Wall-clock time in milliseconds, for what leaves this machine. */
  readonly wallMs: () => number;
  readonly tell: (news: ConsumerNews) => void;
}

/** `inSync`: it holds what we told it; `drifting`: it does not, and takes our word; `failing`: it cannot be reached. */
export type ConsumerState = 'starting' | 'inSync' | 'drifting' | 'failing';

/** What is known of a consumer at one moment. */
export interface ConsumerStatus {
  readonly state: ConsumerState;
  /** Since when it is in that state. */
  readonly since: Instant;
  /** Why it is not in sync; undefined when it is. */
  readonly cause: Cause | undefined;
  /** When it was last looked at, or a message was last tried; undefined: not yet. */
  readonly lastPassAt: Instant | undefined;
  /** How many things are not as they should be, as far as that is known; of a webhook: messages that wait. */
  readonly drift: number;
  /** Undefined: nothing is planned, as when a webhook has nothing to tell. */
  readonly nextAttemptAt: Instant | undefined;
}

export type ConsumerNews =
  /** Its state changed, or the cause of it. */
  | {
      readonly kind: 'changed';
      readonly consumer: string;
      readonly from: ConsumerState;
      readonly state: ConsumerState;
      readonly cause: Cause | undefined;
      readonly nextAttemptAt: Instant | undefined;
    }
  /** The proxy itself took a target out, or in: nobody's verdict, and an observation of what calls get there. */
  | {
      readonly kind: 'observed';
      readonly consumer: string;
      readonly peerServer: string;
      readonly destination: string;
      readonly state: string;
    }
  /** A message that was never taken; nobody tries it again. */
  | {
      readonly kind: 'deadLetter';
      readonly consumer: string;
      readonly id: string;
      readonly body: string;
      readonly why: string;
    };

/** One proxy or file that is told of verdicts. Whatever happens to it, nothing else waits for it. */
export interface Consumer {
  readonly name: string;
  readonly state: ConsumerState;
  readonly status: ConsumerStatus;
  start(): void;
  /** A verdict of that contract changed; without a name: anything may have, after a reload. */
  changed(contract?: string): void;
  /** An event of src/core/health, for who tells of each. */
  heard?(event: HealthEvent): void;
  stop(): Promise<void>;
}

/** Which contracts a consumer is told of. */
export type ContractChoice = 'all' | readonly string[];

export function isChosen(choice: ContractChoice, contract: string): boolean {
  return choice === 'all' || choice.includes(contract);
}
