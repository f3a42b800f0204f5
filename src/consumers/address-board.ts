/**
 * Keeper of which addresses the address lists of each proxy hold, and which its dispatchers use: the order of the
 * two. A proxy refuses calls from a server that its address list lacks, so a dispatcher is told of a new
 * address after the list has it, and a list keeps an old one for as long as a dispatcher has it.
 *
 * A proxy is known by the URL of its RPC interface; consumers by file alone, which nobody reads back, count as one.
 */
import { type ContractChoice, isChosen } from './ports.ts';

/**
 * `held`: the proxy itself has shown that it holds it. `written`: its file does, which is as much as can be had while
 * the proxy is dead, and enough: it reads both files when it starts.
 */
export type Admission = 'held' | 'written';

interface ListDesk {
  readonly contracts: ContractChoice;
  readonly wake: () => void;
  readonly has: Record<Admission, ReadonlySet<string>>;
}

interface DispatcherDesk {
  readonly wake: () => void;
  used: ReadonlySet<string>;
}

interface Proxy {
  readonly lists: Set<ListDesk>;
  readonly dispatchers: Set<DispatcherDesk>;
}

/** What an address list tells and asks. */
export interface ListSide {
  has(admission: Admission, addresses: Iterable<string>): void;
  isUsed(address: string): boolean;
  leave(): void;
}

/** What a dispatcher asks and tells. */
export interface DispatcherSide {
  /** True where no list of the proxy that has to hold the addresses of the contract lacks this one. */
  admits(contract: string, address: string, admission: Admission): boolean;
  uses(addresses: Iterable<string>): void;
  /** The proxy was started anew: what its lists hold now is what their files held then, whoever wrote them. */
  proxyRestarted(): void;
  leave(): void;
}

const NONE: ReadonlySet<string> = new Set();

export class AddressBoard {
  readonly #proxies = new Map<string, Proxy>();

  /** `wake` is called when what it holds has to be looked at again. */
  list(rpc: string | undefined, contracts: ContractChoice, wake: () => void): ListSide {
    const { lists, dispatchers } = this.#proxyAt(rpc);
    const desk: ListDesk = { contracts, wake, has: { held: NONE, written: NONE } };
    lists.add(desk);
    return {
      has: (admission, addresses) => {
        const before = desk.has[admission];
        const now = new Set(addresses);
        desk.has[admission] = now;
        if ([...now].every((one) => before.has(one))) return;
        for (const { wake } of dispatchers) wake();
      },
      isUsed: (address) => [...dispatchers].some(({ used }) => used.has(address)),
      leave: () => {
        lists.delete(desk);
        // Nobody waits for it any more.
        for (const { wake } of dispatchers) wake();
      },
    };
  }

  /** `wake` is called when there may be an address more. */
  dispatcher(rpc: string | undefined, wake: () => void): DispatcherSide {
    const { lists, dispatchers } = this.#proxyAt(rpc);
    const desk: DispatcherDesk = { wake, used: NONE };
    dispatchers.add(desk);
    return {
      admits: (contract, address, admission) =>
        [...lists].every(
          ({ contracts, has }) => !isChosen(contracts, contract) || has[admission].has(address),
        ),
      uses: (addresses) => {
        desk.used = new Set(addresses);
      },
      proxyRestarted: () => {
        for (const { has, wake: look } of lists) {
          has.held = NONE;
          look();
        }
      },
      leave: () => {
        dispatchers.delete(desk);
      },
    };
  }

  /** As many as there are RPC interfaces in the configurations of this run. */
  #proxyAt(rpc: string | undefined): Proxy {
    const key = rpc ?? '';
    const proxy = this.#proxies.get(key) ?? { lists: new Set(), dispatchers: new Set() };
    this.#proxies.set(key, proxy);
    return proxy;
  }
}
