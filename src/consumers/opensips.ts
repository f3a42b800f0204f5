/**
 * Keeper of one OpenSIPS, by its MI over HTTP (JSON-RPC 2.0 by POST with named parameters, as in
 * https://opensips.org/docs/modules/4.0.x/mi_http.html): states of the dispatcher (`ds_list`,
 * `ds_set_state`) and of gateways of drouting (`dr_gw_status`). Its members are in its database, and are its operator's:
 * trunkd finds its own among them by set, address, port and transport, and touches no other.
 *
 *   pass:  ds_list -> states that differ -> ds_set_state;  dr_gw_status -> the same for `gateways`
 */
import { elapsedMs } from '../core/base/instant.ts';
import { type ConsumerCauseCode, ConsumerFault } from './causes.ts';
import { type Destination, destinationsOf } from './destinations.ts';
import { ForeignStates, type StateStep } from './foreign-states.ts';
import type { Rpc } from './json-rpc.ts';
import {
  bestByPlace,
  type DsRow,
  type GatewayRow,
  placeKey,
  readDsList,
  readGateways,
} from './opensips-lists.ts';
import type { Consumer, ConsumerPorts, ContractChoice } from './ports.ts';
import { reconciled } from './reconciled.ts';
import { type Amiss, type PassResult, passResultOf } from './reconciler.ts';

export interface OpensipsSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  readonly mode: 'apply' | 'observe';
  readonly url: string;
  /** Id of the peer server -> id of its gateway in drouting. */
  readonly gateways: Readonly<Record<string, string>>;
}

type OnOff = 'active' | 'inactive';

interface Wish {
  readonly key: string;
  readonly peerServer: string;
  readonly wanted: OnOff | undefined;
  readonly held: OnOff;
  readonly tell: (state: OnOff) => Promise<unknown>;
}

interface Wishes {
  readonly wishes: Wish[];
  /** What is not there. */
  readonly missing: string[];
}

export function opensips(spec: OpensipsSpec, ports: ConsumerPorts, rpc: Rpc): Consumer {
  const keeper = new Opensips(spec, ports, rpc);
  return reconciled(spec.name, ports, () => keeper.pass());
}

class Opensips {
  readonly #spec: OpensipsSpec;
  readonly #ports: ConsumerPorts;
  readonly #rpc: Rpc;
  readonly #foreign = new ForeignStates();

  constructor(spec: OpensipsSpec, ports: ConsumerPorts, rpc: Rpc) {
    this.#spec = spec;
    this.#ports = ports;
    this.#rpc = rpc;
  }

  async pass(): Promise<PassResult> {
    const { wishes, missing } = await this.#wishes();
    this.#foreign.keepOnly(new Set(wishes.map(({ key }) => key)));
    const steps = { held: 0, set: 0, observed: 0, kept: 0 };
    for (const wish of wishes)
      if (wish.wanted !== undefined) steps[await this.#mend(wish, wish.wanted)] += 1;
    return this.#result(steps.set, steps.observed + steps.kept, missing);
  }

  async #mend(wish: Wish, wanted: OnOff): Promise<StateStep> {
    const step = this.#foreign.step(wish.key, wanted, wish.held, this.#ports.clock.now());
    if (step === 'observed') this.#observed(wish);
    if (step === 'set' && this.#spec.mode === 'apply') {
      await wish.tell(wanted);
      this.#foreign.sent(wish.key, wanted);
    }
    return step;
  }

  #result(set: number, kept: number, missing: readonly string[]): PassResult {
    const isObserving = this.#spec.mode === 'observe';
    const nextAt = this.#foreign.nextAt();
    const keptMs = nextAt && elapsedMs(this.#ports.clock.now(), nextAt);
    const amiss = [
      lack(missing),
      isObserving ? amissIf(set, 'consumer.observed', `${set} states to be set (observed)`) : [],
      amissIf(kept, 'consumer.foreignState', `${kept} states of its own are left for 30 s`),
    ].flat();
    // What was set is looked at once more, so that the next difference is known as its own.
    const againMs = set > 0 && !isObserving ? 100 : keptMs;
    return passResultOf(amiss, againMs);
  }

  async #wishes(): Promise<Wishes> {
    const all: Wishes = { wishes: [], missing: [] };
    const { contracts, gateways } = this.#spec;
    const destinations = destinationsOf(this.#ports.book, { contracts, socket: undefined });
    if (destinations.length > 0) await this.#addDestinations(destinations, all);
    if (Object.keys(gateways).length > 0) await this.#addGateways(all);
    return all;
  }

  async #addDestinations(
    destinations: readonly Destination[],
    { wishes, missing }: Wishes,
  ): Promise<void> {
    const held = readDsList(await this.#rpc('ds_list', {}));
    if (held === undefined) {
      throw new ConsumerFault('consumer.badAnswer', 'ds_list: no list in the answer');
    }
    const offered = bestByPlace(destinations);
    const places = new Set<string>();
    for (const row of held) {
      const place = placeKey(row);
      places.add(place);
      const found = offered.get(place);
      if (found !== undefined) wishes.push(this.#destinationWish(found, row));
    }
    for (const one of destinations) if (!places.has(placeKey(one))) missing.push(one.duid);
  }

  #destinationWish({ peerServer, state }: Destination, { set, uri, isActive }: DsRow): Wish {
    return {
      // It finds the destination by its URI as it has it, letter for letter.
      ...{ key: `ds ${set} ${uri}`, peerServer },
      wanted: state === 'disabled' ? 'inactive' : state,
      held: isActive ? 'active' : 'inactive',
      tell: (word) =>
        this.#rpc('ds_set_state', { state: word.charAt(0), group: `${set}`, address: uri }),
    };
  }

  async #addGateways({ wishes, missing }: Wishes): Promise<void> {
    const rows = readGateways(await this.#rpc('dr_gw_status', {}));
    if (rows === undefined) {
      throw new ConsumerFault('consumer.badAnswer', 'dr_gw_status: no gateways in the answer');
    }
    for (const [peerServer, gateway] of Object.entries(this.#spec.gateways)) {
      const row = rows.find(({ id }) => id === gateway);
      if (row === undefined) missing.push(gateway);
      else wishes.push(this.#gatewayWish(peerServer, row));
    }
  }

  #gatewayWish(peerServer: string, { id, isActive }: GatewayRow): Wish {
    return {
      ...{ key: `dr ${id}`, peerServer, wanted: this.#wordOf(peerServer) },
      held: isActive ? 'active' : 'inactive',
      tell: (state) => this.#rpc('dr_gw_status', { gw_id: id, status: state === 'active' ? 1 : 0 }),
    };
  }

  /** A gateway stands for all addresses of its server; undefined: nothing is known yet. */
  #wordOf(id: string): OnOff | undefined {
    const contract = this.#ports.book.contract(id.split('/')[0] ?? '');
    const server = contract?.peerServers.find(({ spec }) => spec.id === id);
    if (contract === undefined || server === undefined) return undefined;
    const hasBetter =
      contract.offers !== 'all' && contract.peerServers.some(({ rank }) => rank === 0);
    if (server.rank === 2 || (server.rank === 1 && hasBetter)) return 'inactive';
    const isAsked = server.spec.probe.mode !== 'off' && server.rank === 0;
    return isAsked && server.state === 'unknown' ? undefined : 'active';
  }

  #observed({ peerServer, key, held }: Wish): void {
    const consumer = this.#spec.name;
    this.#ports.tell({ kind: 'observed', consumer, peerServer, destination: key, state: held });
  }
}

function amissIf(drift: number, code: ConsumerCauseCode, text: string): readonly Amiss[] {
  return drift === 0 ? [] : [{ code, text, drift }];
}

function lack(missing: readonly string[]): readonly Amiss[] {
  const text = `it does not have ${missing.slice(0, 5).join(', ')}`;
  return amissIf(missing.length, 'consumer.lacksMembers', text);
}
