/** What is told to systemd now and then: that work moves, and how it stands. */
import type { HealthBook } from '../core/health/snapshot.ts';
import type { RegistrationBook } from '../core/registration/snapshot.ts';
import type { Notifier } from './notify.ts';
import type { Readiness } from './readiness.ts';

const STATUS_MS = 30_000;

export interface BeatOptions {
  readonly notifier: Notifier;
  readonly readiness: Readiness;
  /** Undefined: nobody watches. */
  readonly watchdogMs: number | undefined;
  readonly status: () => string;
  /** The self-check failed: told once, then silence until systemd acts. */
  readonly onStuck: () => void;
}

/** Starts both; the function that is returned ends them. The watchdog is fed by the main loop only. */
export function startBeats(options: BeatOptions): () => void {
  const { notifier, readiness, watchdogMs } = options;
  const timers: NodeJS.Timeout[] = [];
  let isStuck = false;
  const feed = () => {
    if (readiness.isAlive()) notifier.send('WATCHDOG=1');
    else if (!isStuck) options.onStuck();
    isStuck = !readiness.isAlive();
  };
  let told = '';
  const tell = () => {
    const status = options.status();
    if (status !== told) notifier.send(`STATUS=${status}`);
    told = status;
  };
  if (notifier.isCheap) {
    timers.push(setInterval(tell, STATUS_MS));
    if (watchdogMs !== undefined) timers.push(setInterval(feed, watchdogMs));
  }
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

/** `98 of 100 registrations registered; 3 of 4 peer servers enabled`. */
export function statusLine(registrations: RegistrationBook, health: HealthBook): string {
  let total = 0;
  let registered = 0;
  for (const states of registrations.counts().values()) {
    for (const count of Object.values(states)) total += count;
    registered += states.registered;
  }
  let peers = 0;
  let enabled = 0;
  for (const id of health.peerServers()) {
    peers += 1;
    if (health.peerServer(id)?.enabled === true) enabled += 1;
  }
  const frozen = health.freeze === undefined ? '' : '; verdicts are frozen';
  return `${registered} of ${total} registrations registered; ${enabled} of ${peers} peer servers enabled${frozen}`;
}
