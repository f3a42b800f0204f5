/**
 * What an operator ordered over the configuration: for one server, or for all of a contract. An order
 * outlives reloads, and ends by itself at its time; one that says what the configuration says anyhow
 * is none.
 */
import { after, type Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import { stricter } from './peer-word.ts';
import type { Admin } from './spec.ts';

export interface Order {
  readonly command: Admin;
  /** For people; empty: none was given. */
  readonly reason: string;
  /** Who gave it: `http 192.0.2.1`, say. */
  readonly by: string;
  readonly at: Instant;
  /** When the configuration counts again by itself; undefined: not before another order. */
  readonly until: Instant | undefined;
}

/** The place of one order; written by nobody else. */
export class OrderSlot {
  #order: Order | undefined;
  #timer: Timer | undefined;

  get order(): Order | undefined {
    return this.#order;
  }

  /** Holds from now on; `ended` is called when its time is over. */
  give(order: Order, timers: TimerQueue, ended: () => void): void {
    this.lift(timers);
    this.#order = order;
    if (order.until === undefined) return;
    this.#timer = new Timer(() => {
      this.#order = undefined;
      ended();
    });
    timers.arm(this.#timer, order.until);
  }

  /** trunkd did not run for so long: the end that the order has is nearer by that. */
  aged(ms: number, timers: TimerQueue): void {
    const { until } = this.#order ?? {};
    if (this.#order === undefined || until === undefined || this.#timer === undefined) return;
    const sooner = after(until, -ms);
    this.#order = { ...this.#order, until: sooner };
    timers.arm(this.#timer, sooner);
  }

  lift(timers: TimerQueue): void {
    if (this.#timer !== undefined) timers.disarm(this.#timer);
    this.#timer = undefined;
    this.#order = undefined;
  }
}

/** What is said at one level: by the configuration, and by an order over it. */
export interface Level {
  readonly configured: Admin;
  readonly order: Order | undefined;
}

/**
 * What a server may do. An order for the server goes before everything, unless its contract got one
 * later: then the stricter of both holds, as it does without orders.
 */
export function effectiveAdmin(contract: Level, server: Level): Admin {
  const isServersLast =
    server.order !== undefined &&
    (contract.order === undefined || contract.order.at <= server.order.at);
  if (isServersLast) return server.order?.command ?? server.configured;
  return stricter(
    contract.order?.command ?? contract.configured,
    server.order?.command ?? server.configured,
  );
}

/** The order that decides; undefined where the configuration does. */
export function decisiveOrder(contract: Level, server: Level): Order | undefined {
  const admin = effectiveAdmin(contract, server);
  const orders = [server.order, contract.order].filter((order) => order?.command === admin);
  return orders[0];
}
