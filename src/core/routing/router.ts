/**
 * Keeper of the routes for calls: answers from memory where a call of a contract may go, in order. It
 * keeps, for each contract that is asked for, what of it may get calls, until that changes, and whose turn
 * it is.
 */
import type { Random } from '../base/random.ts';
import type { HealthBook } from '../health/snapshot.ts';
import type { ContractSpec } from '../health/spec.ts';
import type { Hasher } from '../sip/digest/ports.ts';
import { drawOrder } from '../sip/locate/share-load.ts';
import { type Call, type CallQuestion, readCall } from './call.ts';
import { credentialsFor, type RouteCredentials } from './credentials.ts';
import { drawByWeight, orderByKey, rotate } from './order.ts';
import { type Candidate, type Pool, poolOf } from './pool.ts';
import { type Route, transform } from './transform.ts';

export interface RouterPorts {
  readonly book: Pick<HealthBook, 'contract'>;
  readonly random: Random;
  readonly hasher: Hasher;
}

export type Routing =
  | { readonly kind: 'unknownContract' }
  | { readonly kind: 'badParameter'; readonly parameter: string; readonly text: string }
  | {
      readonly kind: 'routes';
      readonly pool: Pool;
      /** In the order in which they are to be tried. */
      readonly routes: readonly Route[];
      /** Why there is none. */
      readonly reason: NoRouteReason | undefined;
      readonly credentialsOf: (route: Route) => RouteCredentials | undefined;
    };

export type NoRouteReason = 'noServers' | 'noneEnabled' | 'numberTooShort';

/** A call that has failed as often as this is not going to succeed. */
const MAX_ROUTES = 16;
/** A name with dozens of addresses must not fill the list. */
const MAX_TARGETS = 4;

interface Kept {
  /** Undefined: to be made anew. */
  pool: Pool | undefined;
  /** Calls so far, for `roundRobin`. */
  turn: number;
}

export class Router {
  readonly #ports: RouterPorts;
  readonly #fraction: () => number;
  /** Only contracts that exist have an entry, and `membersChanged` drops them all. */
  readonly #kept = new Map<string, Kept>();

  constructor(ports: RouterPorts) {
    this.#ports = ports;
    this.#fraction = () => ports.random.fraction();
  }

  /** For each `verdict.changed`. */
  changed(contract: string): void {
    const kept = this.#kept.get(contract);
    if (kept !== undefined) kept.pool = undefined;
  }

  /** After a reload: what no verdict hangs on may have changed, too. */
  membersChanged(): void {
    this.#kept.clear();
  }

  /** `withCredentials`: for who may see them. */
  route(question: CallQuestion, withCredentials: boolean): Routing {
    const kept = this.#keptOf(question.contract);
    if (kept === undefined) return { kind: 'unknownContract' };
    const reading = readCall(question);
    if (!reading.ok) {
      return { kind: 'badParameter', parameter: reading.parameter, text: reading.text };
    }
    const { call } = reading;
    const { pool } = kept;
    const routes = this.#routes(pool, kept.turn, call);
    kept.turn += 1;
    const { hasher } = this.#ports;
    return {
      kind: 'routes',
      pool,
      routes,
      reason: routes.length > 0 ? undefined : whyNone(pool),
      credentialsOf: ({ candidate }) => {
        const { credentials } = candidate.spec;
        if (!withCredentials || credentials === undefined) return undefined;
        return credentialsFor(credentials, call.realm, hasher);
      },
    };
  }

  #routes({ ranks, contract }: Pool, turn: number, call: Call): readonly Route[] {
    const routes: Route[] = [];
    for (const rank of ranks) {
      for (const candidate of this.#inOrder(rank, contract.balance, turn, call.key)) {
        if (routes.length >= MAX_ROUTES) return routes;
        this.#add(routes, candidate, call);
      }
    }
    return routes;
  }

  #inOrder(
    rank: readonly Candidate[],
    balance: ContractSpec['balance'],
    turn: number,
    key: string,
  ): readonly Candidate[] {
    switch (balance) {
      case 'weighted':
        return drawByWeight(rank, this.#fraction);
      case 'hash':
        return orderByKey(rank, key);
      case 'roundRobin':
        return rotate(rank, turn);
      case 'inOrder':
        return rank;
    }
  }

  #add(routes: Route[], candidate: Candidate, call: Call): void {
    const texts = transform(candidate, call);
    if (texts === undefined) return;
    const { hops, unresolved } = candidate;
    if (hops.length === 0) {
      routes.push({ candidate, nextHop: unresolved, target: undefined, ...texts });
      return;
    }
    let left = Math.min(MAX_TARGETS, MAX_ROUTES - routes.length);
    for (const equals of hops) {
      for (const { uri, key } of drawOrder(equals, this.#ports.random)) {
        if (left === 0) return;
        left -= 1;
        routes.push({ candidate, nextHop: uri, target: key, ...texts });
      }
    }
  }

  /** With its pool up to date; undefined when there is no such contract. */
  #keptOf(name: string): (Kept & { readonly pool: Pool }) | undefined {
    const known = this.#kept.get(name);
    if (known?.pool !== undefined) return known as Kept & { readonly pool: Pool };
    const source = this.#ports.book.contract(name);
    if (source === undefined) {
      this.#kept.delete(name);
      return undefined;
    }
    const pool = poolOf(source);
    if (known === undefined) {
      const kept = { pool, turn: 0 };
      this.#kept.set(name, kept);
      return kept;
    }
    return Object.assign(known, { pool });
  }
}

function whyNone({ contract, ranks }: Pool): NoRouteReason {
  if (contract.peerServers.length === 0) return 'noServers';
  return ranks.length === 0 ? 'noneEnabled' : 'numberTooShort';
}
