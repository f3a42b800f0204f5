/**
 * Keeper of the address list of one Kamailio (module permissions): the resolved addresses of the providers, who may
 * send us calls. A new address is there with the verdict that knows it; one that the DNS no longer names stays
 * for an hour, for calls that are up and for names that answer in turns, and for as long as the dispatcher of the
 * proxy has it. Never empty.
 *
 *   pass:  addresses -> file (when its text changes) -> addressReload -> addressDump, to see whether it took them
 *          -> board, where the dispatcher of the proxy waits for them
 */
import { isIP, SocketAddress } from 'node:net';
import { after, type Instant } from '../core/base/instant.ts';
import type { PeerServerSnapshot } from '../core/health/snapshot.ts';
import type { AddressBoard, ListSide } from './address-board.ts';
import { ConsumerFault } from './causes.ts';
import { type Rpc, RpcError } from './json-rpc.ts';
import { type Consumer, type ConsumerPorts, type ContractChoice, isChosen } from './ports.ts';
import { reconciled } from './reconciled.ts';
import type { PassResult } from './reconciler.ts';
import { RELOAD_GAP_MS, ReloadGap } from './reload-gap.ts';

export interface AddressListSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  readonly mode: 'apply' | 'observe';
  readonly listFile: string;
  readonly rpc: string | undefined;
  /** Number of the group of addresses. */
  readonly group: number;
}

const KEPT_MS = 3_600_000;
const MAX_ADDRESSES = 20_000;

interface Known {
  readonly contract: string;
  readonly family: 4 | 6;
  lastSeenAt: Instant;
}

export function addressList(
  spec: AddressListSpec,
  ports: ConsumerPorts,
  rpc: Rpc | undefined,
  board: AddressBoard,
): Consumer {
  // One that only observes brings no address into any list: nobody waits for it.
  const side =
    spec.mode === 'apply'
      ? board.list(spec.rpc, spec.contracts, () => consumer.changed())
      : undefined;
  const list = new AddressList(spec, ports, rpc, side);
  const consumer: Consumer = reconciled(spec.name, ports, () => list.pass(), {
    ended: () => side?.leave(),
  });
  return consumer;
}

class AddressList {
  readonly #spec: AddressListSpec;
  readonly #ports: ConsumerPorts;
  readonly #rpc: Rpc | undefined;
  readonly #board: ListSide | undefined;
  readonly #known = new Map<string, Known>();
  #fileText: string | undefined;
  #isRead = false;
  readonly #gap: ReloadGap;

  constructor(
    spec: AddressListSpec,
    ports: ConsumerPorts,
    rpc: Rpc | undefined,
    board: ListSide | undefined,
  ) {
    this.#board = board;
    this.#spec = spec;
    this.#ports = ports;
    this.#rpc = rpc;
    this.#gap = new ReloadGap(ports.clock);
  }

  async pass(): Promise<PassResult> {
    const { listFile, mode, group } = this.#spec;
    await this.#readFile();
    this.#look();
    const addresses = [...this.#known].sort(([a], [b]) => (a < b ? -1 : 1));
    if (addresses.length === 0) {
      const text = 'no address is known: an empty list is never written';
      return { state: 'drifting', code: 'consumer.nothingToTell', text };
    }
    const text = printAddresses(group, addresses);
    if (mode === 'apply' && text !== this.#fileText) {
      await this.#ports.files.write(listFile, text);
      this.#fileText = text;
    }
    const names = addresses.map(([address]) => address);
    this.#board?.has('written', names);
    if (this.#rpc === undefined) return { state: 'inSync', text: '' };
    return await this.#compare(this.#rpc, names);
  }

  async #compare(rpc: Rpc, addresses: readonly string[]): Promise<PassResult> {
    const differing = await this.#differing(rpc, addresses);
    if (differing === 0) return { state: 'inSync', text: '' };
    const text = `${differing} addresses to be added or removed`;
    const amiss = { state: 'drifting', text, drift: differing } as const;
    if (this.#spec.mode === 'observe') {
      return { ...amiss, code: 'consumer.observed', text: `${text} (observed)` };
    }
    const waitMs = this.#gap.take();
    if (waitMs > 0) return { ...amiss, againMs: waitMs };
    try {
      await rpc('permissions.addressReload', []);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return { ...amiss, text: `${text}: ${error.message}`, againMs: RELOAD_GAP_MS };
    }
    const left = await this.#differing(rpc, addresses);
    return left === 0 ? { state: 'inSync', text: '' } : { ...amiss, drift: left };
  }

  async #differing(rpc: Rpc, addresses: readonly string[]): Promise<number> {
    const held = readDump(await rpc('permissions.addressDump', []), this.#spec.group);
    if (held === undefined) {
      throw new ConsumerFault(
        'consumer.badAnswer',
        'permissions.addressDump: no list in the answer',
      );
    }
    this.#board?.has('held', held);
    const wanted = new Set(addresses);
    const missing = addresses.filter((one) => !held.has(one)).length;
    return missing + [...held].filter((one) => !wanted.has(one)).length;
  }

  /** Every time, since others may have put an old one there; at first it tells what a trunkd before knew. */
  async #readFile(): Promise<void> {
    this.#fileText = await this.#ports.files.read(this.#spec.listFile);
    if (this.#isRead) return;
    this.#isRead = true;
    // As if seen now: names may not be resolved yet.
    for (const line of (this.#fileText ?? '').split('\n')) {
      const [, address, contract] = /^\d+ ([0-9a-f.:]+) (?:32|128) 0 (\S+)$/i.exec(line) ?? [];
      if (address !== undefined && contract !== undefined) this.#see(address, contract);
    }
  }

  #look(): void {
    const { book, clock } = this.#ports;
    const contracts = new Set<string>();
    for (const name of book.contracts()) {
      if (!isChosen(this.#spec.contracts, name)) continue;
      contracts.add(name);
      const servers = book.contract(name)?.peerServers ?? [];
      for (const address of servers.flatMap(addressesOf)) this.#see(address, name);
    }
    for (const [address, { contract, lastSeenAt }] of this.#known) {
      const isOld = after(lastSeenAt, KEPT_MS) <= clock.now();
      const isDue = isOld || !contracts.has(contract);
      if (isDue && this.#board?.isUsed(address) !== true) this.#known.delete(address);
    }
  }

  #see(address: string, contract: string): void {
    const lastSeenAt = this.#ports.clock.now();
    const known = this.#known.get(address);
    if (known !== undefined) known.lastSeenAt = lastSeenAt;
    else if (this.#known.size < MAX_ADDRESSES) {
      this.#known.set(address, { contract, family: address.includes(':') ? 6 : 4, lastSeenAt });
    }
  }
}

/** Who is not probed is not resolved, and may be known all the same. */
function addressesOf({ targets, spec }: PeerServerSnapshot): readonly string[] {
  if (targets.length > 0) return targets.map(({ at }) => at.address);
  const { host, addresses = [host] } = spec.hop;
  return addresses.flatMap((one) => literal(one.replace(/^\[(.*)\]$/, '$1')) ?? []);
}

/** In the spelling of the kernel, and of Kamailio; undefined for a name. */
function literal(address: string): string | undefined {
  const family = isIP(address);
  if (family === 0) return undefined;
  return new SocketAddress({ address, family: family === 6 ? 'ipv6' : 'ipv4' }).address;
}

/** `group address mask port tag`: any port, and the contract as the tag. */
function printAddresses(group: number, addresses: readonly (readonly [string, Known])[]): string {
  const lines = addresses.map(
    ([address, { contract, family }]) =>
      `${group} ${address} ${family === 4 ? 32 : 128} 0 ${contract}\n`,
  );
  return `# Made by trunkd, and made anew at every change.\n# group address mask port tag\n${lines.join('')}`;
}

/** The addresses of one group in the result of `permissions.addressDump`; undefined when it is not one. */
function readDump(result: unknown, group: number): ReadonlySet<string> | undefined {
  if (!Array.isArray(result)) return undefined;
  const addresses = new Set<string>();
  for (const row of result as { group?: unknown; item?: { ip?: unknown } }[]) {
    if (row?.group === group) addresses.add(String(row.item?.ip));
  }
  return addresses;
}
