/** One contract as the prober keeps it: its servers, and how many of them are good for calls. */
import { OrderSlot } from './order.ts';
import type { PeerServer } from './peer-server.ts';
import { quorumOf, rollUp } from './peer-word.ts';
import type { ContractSnapshot } from './snapshot.ts';
import type { Admin, ContractSpec } from './spec.ts';

/** The prober and the announcer alone change it. */
export class ContractPool {
  spec: ContractSpec;
  servers: readonly PeerServer[] = [];
  /** What an operator ordered for all of its servers. */
  readonly orderSlot: OrderSlot = new OrderSlot();
  /** Counted as they change: the enabled ones, and those that are fit and do not flap. */
  enabledCount = 0;
  soundCount = 0;
  /** As told last. */
  rollUp: 'all' | 'some' | 'none' = 'all';
  offers: ContractSnapshot['offers'] = 'enabled';
  /** What hung on the other servers when their words were weighed last. */
  regime = '';

  constructor(spec: ContractSpec) {
    this.spec = spec;
  }

  /** Counts again, after servers came or went. */
  recount(): void {
    this.enabledCount = this.servers.filter(({ word }) => word.enabled).length;
    this.soundCount = this.servers.filter(({ isCountedSound }) => isCountedSound).length;
  }

  /** Whether the server is known to be good for calls by itself, as its word has just been weighed. */
  countSound(server: PeerServer, isKnownFit: boolean): void {
    const isSound = isKnownFit && server.barredUntil === undefined;
    this.soundCount += Number(isSound) - Number(server.isCountedSound);
    server.isCountedSound = isSound;
  }

  currentRollUp(): 'all' | 'some' | 'none' {
    return rollUp(this.enabledCount, this.servers.length);
  }

  get admin(): Admin {
    return this.orderSlot.order?.command ?? this.spec.admin;
  }

  currentRegime(): string {
    return `${this.isTryAll} ${this.hasSound}`;
  }

  /** False where everything that could take calls flaps: then nothing is held back. */
  get hasSound(): boolean {
    return this.soundCount > 0;
  }

  /** Fewer are enabled than `panicBelow` wants, and not none. */
  get isPanic(): boolean {
    const { panicBelow } = this.spec;
    if (panicBelow === undefined || this.enabledCount === 0) return false;
    return this.enabledCount < quorumOf(panicBelow, this.servers.length);
  }

  /** Whether servers that are not enabled are offered all the same. */
  get isTryAll(): boolean {
    return this.spec.onAllDown === 'tryAll' && (this.enabledCount === 0 || this.isPanic);
  }

  currentOffers(): ContractSnapshot['offers'] {
    if (this.servers.length === 0) return 'enabled';
    const isAny = this.servers.some(({ admin }) => admin === 'up');
    if (this.isTryAll && isAny) return 'all';
    return this.enabledCount === 0 ? 'none' : 'enabled';
  }

  snapshot(): ContractSnapshot {
    return {
      spec: this.spec,
      order: this.orderSlot.order,
      enabled: this.currentRollUp(),
      offers: this.currentOffers(),
      isPanic: this.isPanic && this.isTryAll,
      peerServers: this.servers.map((server) => server.snapshot()),
    };
  }
}
