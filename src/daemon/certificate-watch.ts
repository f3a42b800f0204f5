/**
 * Certificates, keys and authorities that change in their files are taken up without a reload: programs that
 * renew them know nothing of us. Looked at every few seconds; what changed is read once it has rested for
 * one look, since a certificate and its key are not written at the same moment. Nothing else of the
 * configuration is read again.
 *
 *   resting --other--> changing --same as before--> taken up, or refused until it changes again
 *      ^                  |  ^---other---+
 *      +------------------+
 */
import { statSync } from 'node:fs';
import { SecretReader } from '../config/secrets.ts';
import type { Clock } from '../core/base/clock.ts';
import { after } from '../core/base/instant.ts';
import { Timer, type TimerQueue } from '../core/base/timer-queue.ts';
import type { LocalSocketSpec, TlsPart } from '../core/sip/transport/ports.ts';

const LOOK_EVERY_MS = 5_000;

export interface CertificateWatchPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  /** What runs now. */
  localSockets(): readonly LocalSocketSpec[];
  /** Takes them up in place of what runs; they differ in their certificates only. False: not now. */
  renew(specs: readonly LocalSocketSpec[], changed: readonly string[]): boolean;
  /** A file cannot be read, or holds no PEM text. */
  refuse(localSocket: string, reason: string): void;
}

export class CertificateWatch {
  readonly #ports: CertificateWatchPorts;
  readonly #timer = new Timer(() => this.#look());
  /** By path, at the last look. */
  #seen = new Map<string, string>();
  #isSettled = false;

  constructor(ports: CertificateWatchPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { clock, timers } = this.#ports;
    timers.arm(this.#timer, after(clock.now(), LOOK_EVERY_MS));
  }

  stop(): void {
    this.#ports.timers.disarm(this.#timer);
  }

  #look(): void {
    this.start();
    const specs = this.#ports.localSockets();
    const versions = new Map(pathsOf(specs).map((path) => [path, versionOf(path)]));
    const isSame = areSame(versions, this.#seen);
    this.#seen = versions;
    this.#isSettled = isSame && (this.#isSettled || this.#takeUp(specs));
  }

  /** True when there is nothing left to do. */
  #takeUp(specs: readonly LocalSocketSpec[]): boolean {
    const changed: string[] = [];
    const next = specs.map((spec) => {
      const read = this.#readAgain(spec);
      if (read !== spec) changed.push(spec.name);
      return read;
    });
    return changed.length === 0 || this.#ports.renew(next, changed);
  }

  /** The same spec where no text is another one, or one cannot be read. */
  #readAgain(spec: LocalSocketSpec): LocalSocketSpec {
    const { tls } = spec;
    const files = Object.entries(tls?.files ?? {}) as [TlsPart, string][];
    if (tls === undefined || files.length === 0) return spec;
    const reader = new SecretReader({}, '/');
    const texts: Partial<Record<TlsPart, string>> = {};
    for (const [part, path] of files) {
      const reading = reader.readPem({ file: path });
      if (reading.kind !== 'text') {
        this.#ports.refuse(spec.name, reading.reason);
        return spec;
      }
      texts[part] = reading.text;
    }
    const isSame = files.every(([part]) => texts[part] === tls[part]);
    return isSame ? spec : { ...spec, tls: { ...tls, ...texts } };
  }
}

function pathsOf(specs: readonly LocalSocketSpec[]): readonly string[] {
  return specs.flatMap(({ tls }) => Object.values(tls?.files ?? {}));
}

function versionOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
  } catch {
    // A directory on its way that may not be entered: as good as not there.
    return '';
  }
}

function areSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, version]) => b.get(path) === version);
}
