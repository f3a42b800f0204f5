/** Why a consumer stands as it does: stable codes for log, API and docs/errors.md. */
import type { Cause } from '../core/base/cause.ts';

interface CauseKind {
  readonly blame: Cause['blame'];
  readonly meaning: string;
  /** What trunkd does, and what the operator can do. */
  readonly next: string;
}

export const CONSUMER_CAUSES = {
  'consumer.unresolved': {
    blame: 'nobody',
    meaning: 'Names are not resolved yet, so that nothing is told to the consumer so far.',
    next: 'What it has stays for up to 10 s, until the names are resolved.',
  },
  'consumer.unreachable': {
    blame: 'peer',
    meaning: 'The consumer cannot be reached, or does not answer in time.',
    next: 'Tried again with growing pauses. Look whether it runs, and listens at the configured URL.',
  },
  'consumer.badAnswer': {
    blame: 'peer',
    meaning: 'The consumer answers what is no answer to the question.',
    next: 'Tried again with growing pauses. Look whether the URL is that of its JSON-RPC.',
  },
  'consumer.refused': {
    blame: 'peer',
    meaning: 'The consumer answers with an error.',
    next: 'Tried again with growing pauses. Its own log should have more.',
  },
  'consumer.fileUnwritable': {
    blame: 'local',
    meaning: 'The file cannot be written.',
    next: 'Tried again with growing pauses. Look at the path, its owner, and the space on the disk.',
  },
  'consumer.stuck': {
    blame: 'local',
    meaning: 'A pass does not end: a disk or a network file system that hangs, as it seems.',
    next: 'Nothing is told to the consumer until it ends.',
  },
  'consumer.drifting': {
    blame: 'peer',
    meaning: 'The consumer does not hold what it was told.',
    next: 'It is mended, and looked at again.',
  },
  'consumer.waits': {
    blame: 'nobody',
    meaning: 'New destinations wait until the address list of the proxy holds their addresses.',
    next: 'They are told as soon as it does, and after 30 s in any case.',
  },
  'consumer.notTaken': {
    blame: 'config',
    meaning: 'The proxy drops lines of its list in silence.',
    next: 'The list is loaded again after five minutes. Look whether the proxy has all the sockets and address families.',
  },
  'consumer.lacksMembers': {
    blame: 'config',
    meaning: 'The consumer lacks destinations or gateways that trunkd does not add.',
    next: 'Add them there; the rest is kept in line.',
  },
  'consumer.strangers': {
    blame: 'peer',
    meaning: 'A large table of the proxy has entries that are not ours, and cannot be listed.',
    next: 'What is ours is kept in it. To be rid of the others: kamcmd htable.flush TABLE; it is filled anew then.',
  },
  'consumer.foreignState': {
    blame: 'peer',
    meaning: 'The proxy itself has set states that differ from the verdicts.',
    next: 'They are left for 30 s, and the servers are probed at once.',
  },
  'consumer.nothingToTell': {
    blame: 'config',
    meaning: 'There is nothing to tell the consumer, and an empty list is never written.',
    next: 'What it has stays. Look at its contracts.',
  },
  'consumer.observed': {
    blame: 'nobody',
    meaning: 'The consumer is not as it should be, and with `mode: observe` it is not mended.',
    next: 'It is looked at again; with mode: apply it would be mended.',
  },
  'consumer.deadLetter': {
    blame: 'peer',
    meaning: 'A message was never taken, and is a dead letter now.',
    next: 'It is not tried again; the next one is. Look at its URL, and at what it says to it.',
  },
  'consumer.catchingUp': {
    blame: 'nobody',
    meaning: 'Messages wait behind one that was taken late.',
    next: 'They follow, one after the other.',
  },
} as const satisfies Readonly<Record<string, CauseKind>>;

export type ConsumerCauseCode = keyof typeof CONSUMER_CAUSES;

/** `text`: what happened here and now. */
export function consumerCause(code: ConsumerCauseCode, text: string): Cause {
  const { blame, meaning, next } = CONSUMER_CAUSES[code];
  return { code, blame, text: text === '' ? meaning : sentence(text), next };
}

/** A failure of the world that says by itself what it is. */
export class ConsumerFault extends Error {
  readonly code: ConsumerCauseCode;

  constructor(code: ConsumerCauseCode, text: string) {
    super(text);
    this.code = code;
  }
}

/** Whatever a pass failed with: what is none of ours came of an answer that nobody foresaw. */
export function causeOfError(error: unknown): Cause {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof ConsumerFault ? error.code : 'consumer.badAnswer';
  return consumerCause(code, text.slice(0, MAX_TEXT));
}

/** Names of methods stay as they are. */
function sentence(text: string): string {
  const isWord = /^[a-z]+ /.test(text);
  const whole = isWord ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

const MAX_TEXT = 400;
