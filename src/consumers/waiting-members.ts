/**
 * Keeper of the destinations that wait until the address list of their proxy has their address. Meanwhile the members
 * of their set stay as they are, and only states change: no server loses what it had, no set runs empty, and there is
 * one reload, not two. The wait is bounded: a list that is never right must not keep calls from a server for ever.
 */
import { after, elapsedMs, type Instant } from '../core/base/instant.ts';
import type { Admission, DispatcherSide } from './address-board.ts';
import type { Destination, DestinationState } from './destinations.ts';
import { addressIn, type Held } from './dispatcher-list.ts';
import { keyOf } from './dispatcher-members.ts';

/** Five refused reloads of an address list, and a little. */
const LONGEST_WAIT_MS = 30_000;

export interface Sifted {
  /** What the proxy may hold now. */
  readonly members: readonly Destination[];
  readonly code: 'consumer.waits';
  /** Empty where nothing waits, and nothing waited in vain. */
  readonly text: string;
  /** How many of both. */
  readonly drift: number;
  readonly againMs: number;
}

export class WaitingMembers {
  readonly #board: DispatcherSide;
  readonly #since = new Map<string, Instant>();

  constructor(board: DispatcherSide) {
    this.#board = board;
  }

  /** `held`: what the proxy has, or its file while the proxy itself cannot be asked (`written`). */
  sift(
    destinations: readonly Destination[],
    held: readonly Held[],
    admission: Admission,
    now: Instant,
  ): Sifted {
    const there = new Map(held.map((one) => [keyOf(one), one.uri]));
    const members: Destination[] = [];
    const waiting: Destination[] = [];
    const newKeys = new Set<string>();
    let inVain = 0;
    let againMs = Number.POSITIVE_INFINITY;
    for (const one of destinations) {
      const key = keyOf(one);
      if (there.get(key) === one.uri || this.#isAdmitted(one, admission)) {
        members.push(one);
        continue;
      }
      newKeys.add(key);
      const since = this.#since.get(key) ?? now;
      this.#since.set(key, since);
      const leftMs = elapsedMs(now, after(since, LONGEST_WAIT_MS));
      if (leftMs <= 0) {
        members.push(one);
        inVain += 1;
      } else {
        waiting.push(one);
        againMs = Math.min(againMs, leftMs);
      }
    }
    for (const key of this.#since.keys()) if (!newKeys.has(key)) this.#since.delete(key);
    return {
      members: waiting.length === 0 ? members : withoutChange(destinations, members, waiting, held),
      code: 'consumer.waits',
      text: textOf(waiting.length, inVain),
      drift: waiting.length + inVain,
      againMs,
    };
  }

  #isAdmitted(one: Destination, admission: Admission): boolean {
    const address = addressIn(one.uri);
    if (one.isName || address === undefined) return true;
    const [contract = ''] = one.peerServer.split('/', 1);
    return this.#board.admits(contract, address, admission);
  }
}

/** `members`, but of a set in which something waits what the proxy has of it, as it has it; where it has anything. */
function withoutChange(
  wanted: readonly Destination[],
  members: readonly Destination[],
  waiting: readonly Destination[],
  held: readonly Held[],
): readonly Destination[] {
  const sets = new Set(waiting.map(({ set }) => set));
  const kept = held.filter(({ set }) => sets.has(set));
  const full = new Set(kept.map(({ set }) => set));
  const byKey = new Map(wanted.map((one) => [keyOf(one), one]));
  const servers = new Map(waiting.map((one) => [`${one.set} ${one.peerServer}`, one]));
  return [
    ...members.filter(({ set }) => !full.has(set)),
    ...kept.map(({ set, duid, uri, priority, weight, socket: way }): Destination => {
      const there = byKey.get(keyOf({ set, duid }));
      const peerServer = duid.slice(0, Math.max(0, duid.lastIndexOf('@')));
      // What its name no longer has goes with the word for the server, as far as that is one.
      const word = servers.get(`${set} ${peerServer}`)?.state;
      const state = there === undefined ? exceptActive(word) : there.state;
      const socket = way === '' ? undefined : way;
      return { set, duid, uri, priority, weight, socket, peerServer, state, isName: false };
    }),
  ];
}

function exceptActive(state: DestinationState | undefined): DestinationState | undefined {
  return state === 'active' ? undefined : state;
}

function textOf(waiting: number, inVain: number): string {
  const texts = [
    waiting === 0 ? '' : `${waiting} wait for the address list of the proxy`,
    inVain === 0 ? '' : `${inVain} are told though the address list of the proxy lacks them`,
  ];
  return texts.filter((text) => text !== '').join('; ');
}
