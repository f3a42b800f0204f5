/** sipp as registrar: each scenario over UDP and TCP (it speaks no TLS), judged by its own message log. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, ownDirectory, Running } from '../processes.ts';
import { type Part, registrationOf } from './quirk-part.ts';
import { newLog, type SeenLog, seenMessage } from './seen.ts';
import { SIPP_CASES } from './sipp-cases.ts';

const FOLDER = join(import.meta.dirname, '../../interop/sipp/register');
/**
 * All below those that the kernel gives to others. sipp binds ports for media and for control as well, although
 * nobody uses them.
 */
const FIRST_PORT = 18_000;
const FIRST_MEDIA_PORT = 20_000;
const FIRST_CONTROL_PORT = 19_000;

interface Play {
  readonly name: string;
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
  readonly running: Running;
  readonly messages: string;
  readonly errors: string;
}

export async function sippPart(): Promise<Part> {
  const own = ownDirectory('sipp-register');
  const names = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.xml'))
    .map((name) => name.replace('.xml', ''))
    .sort();
  const plays: Play[] = [];
  for (const protocol of ['udp', 'tcp'] as const)
    for (const name of names) plays.push(start(name, protocol, own.path, plays.length));
  const missing = (): readonly Play[] => plays.filter((play) => !isListening(play));
  await eventually(() => missing().length === 0, {
    what: () =>
      `all of sipp listen: ${missing().map(({ name, running }) => `${name} ${running.tail()}`)}`,
  });
  return {
    registrations: plays.map(({ name, protocol, port }) =>
      registrationOf(`sipp-${name}-${protocol}`, protocol, port),
    ),
    trials: () =>
      plays.map(({ name, protocol, messages }) => ({
        id: `sipp/${name}`,
        title: titleOf(name),
        protocol,
        registration: `sipp-${name}-${protocol}`,
        expect: SIPP_CASES[name]?.expect ?? { [`a row for ${name}`]: true },
        steps: undefined,
        policy: SIPP_CASES[name]?.policy,
        log: readLog(messages),
      })),
    faults: () => plays.flatMap(faultsOf),
    stop: async () => {
      await Promise.all(plays.map(({ running }) => running.stop('SIGKILL')));
      own.remove();
    },
  };
}

function start(name: string, protocol: 'udp' | 'tcp', folder: string, index: number): Play {
  const port = FIRST_PORT + index;
  const messages = join(folder, `${name}-${protocol}.messages`);
  const errors = join(folder, `${name}-${protocol}.errors`);
  const running = new Running({
    command: 'sipp',
    args: [
      ...['-sf', join(FOLDER, `${name}.xml`), '-i', '127.0.0.1', '-p', String(port)],
      ...['-t', protocol === 'udp' ? 'u1' : 't1', '-mp', String(FIRST_MEDIA_PORT + 10 * index)],
      ...['-cp', String(FIRST_CONTROL_PORT + index)],
      ...['-nd', '-deadcall_wait', '0', '-aa', '-nostdin', '-watchdog_interval', '0'],
      ...['-trace_msg', '-message_file', messages, '-trace_err', '-error_file', errors],
    ],
    cwd: folder,
  });
  return { name, protocol, port, running, messages, errors };
}

/** Asked of the kernel: sipp says nothing when it is ready. */
function isListening({ protocol, port }: Play): boolean {
  const place = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  return readFileSync(`/proc/net/${protocol}`, 'utf8').includes(place);
}

function faultsOf({ name, running, errors }: Play): readonly string[] {
  if (running.end !== undefined)
    return [`sipp ${name} ended with ${running.end}: ${running.tail()} ${textOf(errors)}`];
  const lines = textOf(errors).split('\n');
  return lines.filter((line) => /unexpected|not found|error|failed/i.test(line));
}

/** A file that is not there yet is one without lines. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

const RECEIVED = /^-{20,} (\S+)[ \t](\S+)\n(?:UDP|TCP) message received[^\n]*\n\n/;

/** What it received, from `-trace_msg`. */
function readLog(file: string): SeenLog {
  const log = newLog();
  let start: number | undefined;
  for (const entry of textOf(file).split(/^(?=-{20,} )/m)) {
    const [heading, date = '', time = ''] = RECEIVED.exec(entry) ?? [];
    if (heading === undefined) continue;
    const at = Date.parse(`${date}T${time.slice(0, 12)}Z`);
    start ??= at;
    // It writes LF for the line ends; what it counts is CR LF.
    const text = entry.slice(heading.length).replaceAll(/\r?\n/g, '\r\n');
    log.messages.push(seenMessage(withoutRest(text), at - start, ''));
  }
  return log;
}

/** The message alone, without the empty lines that the log puts behind it. No case has a body. */
const withoutRest = (text: string): string => `${text.split('\r\n\r\n', 1)[0]}\r\n\r\n`;

function titleOf(name: string): string {
  const lines = readFileSync(join(FOLDER, `${name}.xml`), 'utf8').split('\n');
  return /<!-- (.*) -->/.exec(lines[3] ?? '')?.[1] ?? name;
}
