/** `trunkd try`: one REGISTER or OPTIONS with the real stack, without a daemon and without a trace. */
import { type Assembly, assemble } from '../daemon/assembly.ts';
import { EXIT } from '../daemon/exit-codes.ts';
import { monotonicClock } from '../net/clock.ts';
import type { CliIo } from './io.ts';
import { printLines } from './table.ts';
import { peerToTry, registrationToTry, type TryOptions, type TrySpec } from './try-spec.ts';

/** Longer than any exchange: connect, three rounds, and the time-out of each. */
const LIMIT_MS = 45_000;
const REGISTRATION = 'try';
const PEER = 'try/try';

type Step = (assembly: Assembly, events: Events) => Promise<boolean>;

/** The next event of the core that fits. */
type Events = (isWanted: (event: CoreEvent) => boolean) => Promise<void>;
type RegistrationSnapshot = NonNullable<ReturnType<Assembly['keeper']['snapshot']>>;
type PeerServerSnapshot = NonNullable<ReturnType<Assembly['prober']['peerServer']>>;
type CoreEvent = Parameters<Parameters<typeof assemble>[1]['publish']>[0];

export async function tryRegister(uri: string, options: TryOptions, io: CliIo): Promise<number> {
  const spec = await registrationToTry(uri, options, io);
  return run(spec, io, async (assembly, next) => {
    const { keeper } = assembly;
    const settled = next(
      (event) =>
        event.type === 'registration.changed' &&
        ['registered', 'rejected', 'waiting'].includes(event.state),
    );
    if (spec.ok) for (const one of spec.spec.registrations) keeper.add(one);
    await settled;
    const row = keeper.snapshot(REGISTRATION);
    if (row === undefined) return false;
    io.out(registrationText(row));
    await leave(assembly, options.keep !== true && row.bound, io);
    return row.bound;
  });
}

export async function tryProbe(uri: string, options: TryOptions, io: CliIo): Promise<number> {
  const spec = await peerToTry(uri, options, io);
  return run(spec, io, async ({ prober }, next) => {
    const ended = next(
      (event) => event.type === 'probe.finished' || event.type === 'peerServer.noticed',
    );
    if (spec.ok) prober.apply(spec.spec.contracts);
    await ended;
    const row = prober.peerServer(PEER);
    if (row === undefined) return false;
    const isWell = row.state === 'up' || row.state === 'impaired';
    io.out(peerText(row, isWell));
    return isWell;
  });
}

function registrationText(row: RegistrationSnapshot): string {
  return printLines([
    ['result', row.bound ? 'registered' : row.state === 'rejected' ? 'rejected' : 'not registered'],
    ['target', row.target],
    ['answer', answerText(row.lastResponse)],
    ['contact', row.contact],
    ['granted', row.bound ? `${row.grantedExpiresSec} s` : undefined],
    ['requests', String(row.counters.requests)],
    ['cause', causeText(row.cause)],
  ]);
}

function peerText({ state, targets, rttMs, cause }: PeerServerSnapshot, isWell: boolean): string {
  return printLines([
    ['result', isWell ? state : 'no good answer'],
    ['target', targets[0]?.target],
    ['answer', answerText(targets[0]?.lastResponse)],
    ['round trip', rttMs === undefined ? undefined : `${rttMs.toFixed(1)} ms`],
    ['cause', causeText(cause)],
  ]);
}

function answerText(last: RegistrationSnapshot['lastResponse']): string | undefined {
  return last === undefined ? undefined : `${last.code} ${last.reason}`;
}

function causeText(cause: RegistrationSnapshot['cause']): string | undefined {
  return cause === undefined ? undefined : `${cause.code}: ${cause.text}`;
}

/** Leaves no binding behind unless asked to. */
async function leave({ keeper }: Assembly, unregister: boolean, io: CliIo): Promise<void> {
  await new Promise<void>((resolve) => keeper.stop(unregister, resolve));
  if (unregister) io.out('The binding is removed again (--keep leaves it).\n');
}

async function run(spec: TrySpec, io: CliIo, step: Step): Promise<number> {
  if (!spec.ok) {
    io.err(`${spec.text}\n`);
    return EXIT.usage.code;
  }
  const waiting: { isWanted: (event: CoreEvent) => boolean; resolve: () => void }[] = [];
  const assembly = assemble(spec.spec, {
    clock: monotonicClock,
    publish: (event) => {
      for (const one of waiting) if (one.isWanted(event)) one.resolve();
    },
    notify: (notice) => io.err(`${notice.text}\n`),
  });
  const { transport, driver, prober } = assembly;
  try {
    await transport.bind();
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : error}\n`);
    return EXIT.osError.code;
  }
  driver.start();
  const limit = AbortSignal.timeout(LIMIT_MS);
  const next: Events = (isWanted) =>
    new Promise((resolve) => {
      waiting.push({ isWanted, resolve });
      limit.addEventListener('abort', () => resolve(), { once: true });
    });
  const isGood = await step(assembly, next);
  prober.stop();
  driver.stop();
  await transport.stop();
  return isGood ? EXIT.ok.code : EXIT.failure.code;
}
