/**
 * Tells what changed. Weighs the word of a server anew whenever something of it changed, and with it the
 * roll-up of its contract; when a contract goes to none or comes back from it, the other servers' words
 * follow, since `onAllDown` hangs on it. Publishes only what is different from what was told last.
 */
import type { Clock } from '../base/clock.ts';
import type { Publish } from '../base/event-hub.ts';
import type { HealthEvent, PeerState } from './events.ts';
import type { ContractPool, PeerServer } from './peer-server.ts';
import type { PeerWord } from './peer-word.ts';
import type { Revision } from './snapshot.ts';
import type { Finding } from './verdict.ts';

export class Announcer {
  readonly #clock: Clock;
  readonly #publish: Publish<HealthEvent>;
  readonly #epoch: number;
  #sequence = 0;

  constructor(clock: Clock, publish: Publish<HealthEvent>, epoch: number) {
    this.#clock = clock;
    this.#publish = publish;
    this.#epoch = epoch;
  }

  get revision(): Revision {
    return { epoch: this.#epoch, sequence: this.#sequence };
  }

  /** Something of the server changed: its targets, its name's addresses, its spec, its admin. */
  settle(server: PeerServer): void {
    const { pool } = server;
    this.#settleOne(server);
    this.settleRollUp(pool);
  }

  /** The number of servers, or of the enabled ones, changed. */
  settleRollUp(pool: ContractPool): void {
    const was = pool.rollUp;
    const enabled = pool.currentRollUp();
    if (enabled === was) return;
    pool.rollUp = enabled;
    const at = this.#clock.now();
    const contract = pool.spec.name;
    this.#publish({ type: 'peeringContract.changed', at, contract, enabled, was });
    if (enabled !== 'none' && was !== 'none') return;
    for (const server of pool.servers) this.#settleOne(server);
  }

  /** One probe of the server's targets ended. */
  finished(server: PeerServer, target: string, finding: Finding, rttMs: number | undefined): void {
    const { contract, name: peerServer } = server.spec;
    const { verdict } = finding;
    let code: number | 'timeout' | 'fault' = 'fault';
    if (finding.kind === 'answer') code = finding.code;
    else if (finding.kind === 'silence') code = 'timeout';
    const at = this.#clock.now();
    const type = 'probe.finished';
    this.#publish({ type, at, contract, peerServer, target, verdict, code, rttMs });
  }

  /** Says once that the name of a server cannot be resolved; it is no evidence against the server. */
  noticeLookup(server: PeerServer): void {
    this.#notice(server, server.lookupCause());
  }

  #settleOne(server: PeerServer): void {
    const { pool } = server;
    const before = server.word;
    // Whether it is enabled does not hang on the others; whether it is a last resort may.
    const { enabled } = server.currentWord(false);
    pool.enabledCount += Number(enabled) - Number(before.enabled);
    const word = server.currentWord(pool.isTryAll(pool.enabledCount));
    server.word = word;
    if (word.state !== before.state || word.enabled !== before.enabled) {
      server.since = this.#clock.now();
    }
    if (isDifferent(word, before)) this.#tell(server, before);
    const { tellable } = server;
    if (tellable !== server.told) {
      server.told = tellable;
      this.#tellVerdict(server, false);
    }
    const isNewlyHopeless = word.isMute && !before.isMute;
    const isNewlyVoid = word.isVoid && !before.isVoid;
    if ((isNewlyHopeless && server.units.length > 0) || isNewlyVoid) {
      this.#notice(server, server.cause());
    }
  }

  /** It is no longer there. */
  removed(server: PeerServer): void {
    this.#tellVerdict(server, true);
  }

  #tellVerdict(server: PeerServer, isRemoved: boolean): void {
    this.#sequence += 1;
    server.changedIn = this.#sequence;
    const { contract, id: peerServer } = server.spec;
    const at = this.#clock.now();
    const { revision } = this;
    this.#publish({ type: 'verdict.changed', at, ...revision, contract, peerServer, isRemoved });
  }

  #tell(server: PeerServer, before: PeerWord): void {
    const from: PeerState = before.state;
    const { state, enabled, lastResort } = server.word;
    this.#publish({
      type: 'peerServer.changed',
      at: this.#clock.now(),
      spec: server.spec,
      from,
      state,
      enabled,
      wasEnabled: before.enabled,
      lastResort,
      cause: server.cause(),
      nextProbeAt: server.nextProbeAt,
    });
  }

  #notice(server: PeerServer, cause: ReturnType<PeerServer['cause']>): void {
    if (cause === undefined) return;
    const { contract, name: peerServer } = server.spec;
    const at = this.#clock.now();
    this.#publish({ type: 'peerServer.noticed', at, contract, peerServer, cause });
  }
}

function isDifferent(a: PeerWord, b: PeerWord): boolean {
  return a.state !== b.state || a.enabled !== b.enabled || a.lastResort !== b.lastResort;
}
