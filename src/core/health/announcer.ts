/**
 * Tells what changed. Weighs the word of a server anew whenever something of it changed, and with it the
 * roll-up of its contract; what hangs on the others of a contract (a last resort, being held back) follows
 * when that changed. Publishes only what is different from what was told last.
 */

import type { Clock } from '../base/clock.ts';
import type { Publish } from '../base/event-hub.ts';
import { earlier, type Instant } from '../base/instant.ts';
import type { TimerQueue } from '../base/timer-queue.ts';
import type { ContractPool } from './contract-pool.ts';
import type { HealthEvent, PeerState } from './events.ts';
import type { PeerServer } from './peer-server.ts';
import type { PeerWord } from './peer-word.ts';
import { nextStepAt } from './slow-start.ts';
import type { Revision } from './snapshot.ts';
import type { Finding } from './verdict.ts';
import { causeOfProbes, causesOf } from './word-causes.ts';

/** Words hang on numbers that hang on words; they come to rest in two rounds at most. */
const MAX_ROUNDS = 3;

export interface AnnouncerPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly publish: Publish<HealthEvent>;
  readonly epoch: number;
}

export class Announcer {
  readonly #ports: AnnouncerPorts;
  #sequence = 0;

  constructor(ports: AnnouncerPorts) {
    this.#ports = ports;
  }

  get revision(): Revision {
    return { epoch: this.#ports.epoch, sequence: this.#sequence };
  }

  /** What is told of all verdicts together changed: whether they are frozen. */
  revise(): void {
    this.#sequence += 1;
  }

  /** Something of the server changed: its targets, its name's addresses, its spec, its admin. */
  settle(server: PeerServer): void {
    this.#settleOne(server);
    this.settlePool(server.pool);
  }

  /** The number of servers, or of the enabled ones, changed. */
  settlePool(pool: ContractPool): void {
    for (let round = 0; round < MAX_ROUNDS && pool.regime !== pool.currentRegime(); round += 1) {
      pool.regime = pool.currentRegime();
      for (const server of pool.servers) this.#settleOne(server);
    }
    const was = pool.rollUp;
    const enabled = pool.currentRollUp();
    const offers = pool.currentOffers();
    if (enabled === was && offers === pool.offers) return;
    pool.rollUp = enabled;
    pool.offers = offers;
    const at = this.#ports.clock.now();
    const contract = pool.spec.name;
    this.#ports.publish({ type: 'peeringContract.changed', at, contract, enabled, was, offers });
  }

  /** One probe of the server's targets ended. */
  finished(server: PeerServer, target: string, finding: Finding, rttMs: number | undefined): void {
    const { contract, name: peerServer } = server.spec;
    const { verdict } = finding;
    let code: number | 'connected' | 'timeout' | 'fault' = 'fault';
    if (finding.kind === 'answer') code = finding.code;
    else if (finding.kind === 'connected') code = 'connected';
    else if (finding.kind === 'silence') code = 'timeout';
    const at = this.#ports.clock.now();
    const type = 'probe.finished';
    this.#ports.publish({ type, at, contract, peerServer, target, verdict, code, rttMs });
  }

  /** Says once that the name of a server cannot be resolved; it is no evidence against the server. */
  noticeLookup(server: PeerServer): void {
    this.#notice(server);
  }

  /** It is no longer there. */
  removed(server: PeerServer): void {
    this.#ports.timers.disarm(server.wordTimer);
    this.#tellVerdict(server, true);
  }

  #settleOne(server: PeerServer): void {
    const { pool } = server;
    const before = server.word;
    const now = this.#ports.clock.now();
    // By itself first, then among the others, whose numbers it is one of.
    const { state, fit, isMute } = server.currentWord();
    if (isFlap(before.state, state)) server.countFlap(now);
    // Nobody who works is held back in favour of one that never answered.
    pool.countSound(server, fit && !isMute);
    const { enabled } = server.currentWord();
    pool.enabledCount += Number(enabled) - Number(before.enabled);
    const word = server.currentWord();
    server.word = word;
    if (word.state !== before.state || word.enabled !== before.enabled) server.since = now;
    if (word.enabled !== before.enabled) server.backSince = word.enabled ? now : undefined;
    this.#plan(server, now);
    if (isDifferent(word, before)) this.#tell(server, before);
    const { tellable } = server;
    if (tellable !== server.told) {
      server.told = tellable;
      this.#tellVerdict(server, false);
    }
    const isNewlyHopeless = word.isMute && !before.isMute;
    const isNewlyVoid = word.isVoid && !before.isVoid;
    if ((isNewlyHopeless && server.units.length > 0) || isNewlyVoid) this.#notice(server);
  }

  /** When the word changes next by itself. */
  #plan(server: PeerServer, now: Instant): void {
    const { timers } = this.#ports;
    const { backSince, barredUntil } = server;
    const stepAt = nextStepAt(backSince, server.spec.slowStartMs ?? 0, now);
    if (stepAt === undefined) server.backSince = undefined;
    const at =
      stepAt === undefined || barredUntil === undefined ? stepAt : earlier(stepAt, barredUntil);
    const next = at ?? barredUntil;
    if (next === undefined) timers.disarm(server.wordTimer);
    else timers.arm(server.wordTimer, next);
  }

  #tellVerdict(server: PeerServer, isRemoved: boolean): void {
    this.#sequence += 1;
    server.changedIn = this.#sequence;
    const { contract, id: peerServer } = server.spec;
    const at = this.#ports.clock.now();
    const type = 'verdict.changed';
    this.#ports.publish({ type, at, ...this.revision, contract, peerServer, isRemoved });
  }

  #tell(server: PeerServer, before: PeerWord): void {
    const { state, enabled, lastResort } = server.word;
    this.#ports.publish({
      type: 'peerServer.changed',
      at: this.#ports.clock.now(),
      spec: server.spec,
      from: before.state,
      state,
      enabled,
      wasEnabled: before.enabled,
      lastResort,
      cause: causesOf(server)[0],
      nextProbeAt: server.nextProbeAt,
    });
  }

  #notice(server: PeerServer): void {
    const cause = causeOfProbes(server);
    if (cause === undefined) return;
    const { contract, name: peerServer } = server.spec;
    const at = this.#ports.clock.now();
    this.#ports.publish({ type: 'peerServer.noticed', at, contract, peerServer, cause });
  }
}

function isDifferent(a: PeerWord, b: PeerWord): boolean {
  return a.state !== b.state || a.enabled !== b.enabled || a.lastResort !== b.lastResort;
}

/** Between working and down; what begins or ends with not knowing is no change of the server. */
function isFlap(before: PeerState, now: PeerState): boolean {
  if (before === 'unknown' || now === 'unknown') return false;
  return (before === 'down') !== (now === 'down');
}
