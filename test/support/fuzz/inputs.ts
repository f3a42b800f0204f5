/**
 * All kinds of fuzz inputs under one number: everything about an input follows from it, so that one that
 * failed is run again by its number alone (`npm run fuzz -- --input N`).
 */
import { runClient } from './client-input.ts';
import { Draw, hold } from './draw.ts';
import { messageInput, readMessage } from './message-input.ts';
import { runLookup, runStun } from './octets-input.ts';
import { runRegistrar } from './registrar-input.ts';
import { runRelay } from './relay-input.ts';
import { runServer } from './server-input.ts';
import { readStream, streamInput } from './stream-input.ts';

type Kind = 'message' | 'stream' | 'client' | 'server' | 'relay' | 'lookup' | 'stun' | 'registrar';

/** Gives a word for what became of the input. */
const RUNS: Readonly<Record<Kind, (draw: Draw) => string>> = {
  message: (draw) => readMessage(messageInput(draw)),
  stream: (draw) => readStream(streamInput(draw)),
  client: runClient,
  server: runServer,
  relay: runRelay,
  lookup: runLookup,
  stun: runStun,
  registrar: runRegistrar,
};
const TURNS: readonly Kind[] = [
  ...(['message', 'message', 'message', 'message', 'stream', 'stream'] as const),
  ...(['client', 'server', 'relay', 'relay', 'lookup', 'stun'] as const),
];
/** No input may take longer, however busy the machine is; they take a tenth of a millisecond. */
const MOST_MS = 1_000;
const TIMES_TO_PROVE_SLOW = 3;

export interface Tally {
  /** How often each end was met, by kind and word. */
  readonly ends: Map<string, number>;
  slowestMs: number;
}

export function kindOf(input: number): Kind {
  // Half an hour each, which costs as much as thirty others.
  if (input % 60 === 59) return 'registrar';
  return TURNS[input % TURNS.length] ?? 'message';
}

/** Runs the inputs `from` to `from` + `count` - 1; throws at the first that fails, with its number. */
export function runInputs(
  from: number,
  count: number,
  report: (done: number) => void = () => {},
): Tally {
  const tally: Tally = { ends: new Map(), slowestMs: 0 };
  const prototypes = prototypesNow();
  for (let input = from; input < from + count; input += 1) {
    const end = runInput(input, tally);
    tally.ends.set(end, (tally.ends.get(end) ?? 0) + 1);
    if (input % 1_000 === 999) {
      named(input, () => hold(prototypesNow() === prototypes, 'prototypes stay as they are'));
      report(input + 1 - from);
    }
  }
  hold(prototypesNow() === prototypes, 'prototypes stay as they are');
  return tally;
}

function runInput(input: number, tally: Tally): string {
  const kind = kindOf(input);
  const started = performance.now();
  const end = named(input, () => RUNS[kind](new Draw(input)));
  const tookMs = performance.now() - started;
  tally.slowestMs = Math.max(tally.slowestMs, tookMs);
  if (tookMs > MOST_MS)
    named(input, () => hold(!isSlow(input), `it takes less than ${MOST_MS} ms`));
  return `${kind}: ${end}`;
}

/** Once may be the machine. */
function isSlow(input: number): boolean {
  for (let times = 0; times < TIMES_TO_PROVE_SLOW; times += 1) {
    const { user, system } = process.cpuUsage();
    RUNS[kindOf(input)](new Draw(input));
    const used = process.cpuUsage({ user, system });
    if (used.user + used.system < MOST_MS * 1_000) return false;
  }
  return true;
}

function named<T>(input: number, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `fuzz input ${input} (${kindOf(input)}): ${what}\nagain: npm run fuzz -- --input ${input}`,
      { cause },
    );
  }
}

const WATCHED = [
  Object,
  Array,
  String,
  Number,
  RegExp,
  Map,
  Set,
  Function,
  Error,
  Promise,
] as const;

function prototypesNow(): string {
  return WATCHED.map((one) => Reflect.ownKeys(one.prototype).map(String).join(' ')).join('\n');
}
