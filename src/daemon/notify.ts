/**
 * sd_notify(3): tells systemd what we are at. node-unix-socket speaks for the main process itself,
 * which `NotifyAccess=main` wants; without it `systemd-notify` is started for the three words that
 * matter, and there is no watchdog.
 */
import { execFile } from 'node:child_process';

export interface Notifier {
  /** One message of `KEY=value` lines. Never throws, never waits. */
  send(message: string): void;
  /** True where the message costs no process: status and watchdog are worth it then. */
  readonly isCheap: boolean;
  close(): void;
}

export interface NotifyOptions {
  /** `$NOTIFY_SOCKET`: undefined or empty where systemd does not listen. */
  readonly socketPath: string | undefined;
  readonly isWatched: boolean;
  readonly warn: (text: string) => void;
}

const SILENT: Notifier = { send: () => {}, isCheap: false, close: () => {} };

export async function openNotifier(options: NotifyOptions): Promise<Notifier> {
  const { socketPath, warn } = options;
  if (socketPath === undefined || socketPath === '') return SILENT;
  const socket = await openSocket(warn);
  if (socket === undefined || !socketPath.startsWith('/')) return spawning(options);
  let isOpen = true;
  // The package closes a socket by itself when it fails.
  socket.on('error', (error) => {
    isOpen = false;
    warn(`systemd was not told: ${error.message}`);
  });
  return {
    isCheap: true,
    send(message) {
      if (!isOpen) return;
      const octets = Buffer.from(message, 'utf8');
      socket.sendTo(octets, 0, octets.length, socketPath, (error) => {
        if (error !== undefined && error !== null) warn(`systemd was not told: ${error.message}`);
      });
    },
    close() {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}

interface DatagramSocket {
  sendTo(
    octets: Buffer,
    offset: number,
    length: number,
    path: string,
    done: (error: Error | undefined | null) => void,
  ): void;
  on(event: 'error', receive: (error: Error) => void): unknown;
  close(): void;
}

/** Undefined where the optional package is not there for this platform. */
async function openSocket(warn: (text: string) => void): Promise<DatagramSocket | undefined> {
  try {
    const { DgramSocket } = await import('node-unix-socket');
    return new DgramSocket();
  } catch (error) {
    warn(`node-unix-socket cannot be loaded: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

function spawning({ isWatched, warn }: NotifyOptions): Notifier {
  if (isWatched) {
    warn('The watchdog needs node-unix-socket: set WatchdogSec=0, or systemd will restart us.');
  }
  return {
    isCheap: false,
    send(message) {
      execFile('systemd-notify', message.split('\n'), { timeout: 5_000 }, (error) => {
        if (error !== null) warn(`systemd was not told: ${error.message}`);
      });
    },
    close: () => {},
  };
}

/** The message that begins a reload; systemd pairs it with the next READY=1 by this time. */
export function reloadingMessage(): string {
  return `RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
}

/** Half-way between two beats is late enough: a third of `WATCHDOG_USEC`; undefined: nobody watches. */
export function watchdogBeatMs(
  env: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const usec = Number(env['WATCHDOG_USEC']);
  const pid = env['WATCHDOG_PID'];
  const isOurs = pid === undefined || pid === '' || Number(pid) === process.pid;
  return isOurs && Number.isFinite(usec) && usec > 0 ? Math.max(100, usec / 3000) : undefined;
}
