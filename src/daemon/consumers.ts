/** The consumers, joined to the rest: what they read, and where their news go. */

import type { ConsumerSpec } from '../config/daemon-spec.ts';
import { isSame } from '../config/diff.ts';
import { atomicFiles } from '../consumers/atomic-file.ts';
import { Consumers } from '../consumers/consumers.ts';
import { destinationsOf, isUnresolved } from '../consumers/destinations.ts';
import { printList } from '../consumers/dispatcher-list.ts';
import type { ConsumerNews } from '../consumers/ports.ts';
import { after } from '../core/base/instant.ts';
import type { HealthEvent } from '../core/health/events.ts';
import type { RegistrationSpec } from '../core/registration/spec.ts';
import { bracketed, parseIpLiteral } from '../core/sip/locate/ip-literal.ts';
import type { ProxySpec } from '../core/sip/proxy/ports.ts';
import type { ListPort } from '../http/ports.ts';
import { renderCause } from '../observe/cause.ts';
import type { CoreEvent } from '../observe/events.ts';
import type { DaemonLog } from '../observe/log.ts';
import type { WallClock } from '../observe/wall-clock.ts';
import type { Assembly } from './assembly.ts';

export function makeConsumers(
  { clock, timers, prober, proxies, hostId }: Assembly,
  log: DaemonLog,
  wallClock: WallClock,
  registrations: () => readonly RegistrationSpec[],
): Consumers {
  return new Consumers({
    clock,
    timers,
    book: prober,
    files: atomicFiles,
    hostId,
    proxySocket: (name) => socketOf(proxies.named(name)?.spec),
    *registrations() {
      for (const { id, ddi, profile } of registrations()) {
        yield { id, ddi, contract: profile.contract };
      }
    },
    wallMs: () => wallClock.nowMs(),
    tell: (news) => {
      tellLog(log, news, wallClock);
      if (news.kind !== 'observed') return;
      const { peerServer, destination, state, consumer } = news;
      prober.observe(peerServer, { state, destination, by: `the proxy of ${consumer}` });
    },
  });
}

/** Where a proxy of ours is reached is where it listens, as far as that is an address and a port. */
function socketOf(spec: ProxySpec | undefined): string | undefined {
  if (spec === undefined) return undefined;
  const { host, port, protocol } = spec.hop;
  if (port === undefined || protocol === undefined || parseIpLiteral(host) === undefined)
    return undefined;
  return `${protocol}:${bracketed(host)}:${port}`;
}

/** The list of a dispatcher for who pulls it; not before names had time to be resolved. */
export function listPort({ clock, prober }: Assembly): ListPort {
  const readyAt = after(clock.now(), NAMES_MS);
  return {
    dispatcherList: (contracts) => {
      if (clock.now() < readyAt && isUnresolved(prober, contracts)) return undefined;
      const destinations = destinationsOf(prober, { contracts, socket: undefined });
      return destinations.length === 0 ? undefined : printList(destinations, () => 'active');
    },
  };
}

const NAMES_MS = 10_000;

/** For `Consumers.apply`. */
export function isSameConsumer(a: ConsumerSpec, b: ConsumerSpec): boolean {
  return isSame(a, b);
}

/** What consumers hear; probes are too many, and verdicts are what they are about. */
export function isHealthEvent(event: CoreEvent): event is HealthEvent {
  return TOLD.has(event.type);
}

const TOLD: ReadonlySet<string> = new Set([
  'verdict.changed',
  'peerServer.changed',
  'peeringContract.changed',
  'peerServer.noticed',
  'verdicts.frozen',
] satisfies HealthEvent['type'][]);

function tellLog(log: DaemonLog, news: ConsumerNews, wallClock: WallClock): void {
  if (news.kind === 'observed') {
    const { kind: _kind, ...fields } = news;
    log.write('warn', 'consumer.observed', fields);
    return;
  }
  if (news.kind === 'deadLetter') {
    const { consumer, id, why, body } = news;
    log.write('error', 'consumer.deadLetter', { consumer, id, why, body });
    return;
  }
  const { consumer, from, state, nextAttemptAt } = news;
  const level = state === 'inSync' ? 'info' : 'warn';
  const cause = renderCause(news.cause, nextAttemptAt, wallClock);
  log.write(level, 'consumer.changed', { consumer, from, state, cause });
}
