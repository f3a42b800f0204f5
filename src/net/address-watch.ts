/**
 * Which addresses does this machine have? Node tells no changes, so that they are looked up every few
 * seconds; an interface without a carrier has none. The look-up costs some 0.1 ms.
 */
import { networkInterfaces } from 'node:os';
import { after } from '../core/base/instant.ts';
import { Timer } from '../core/base/timer-queue.ts';
import type { NetContext } from './net-context.ts';

export interface AddressChange {
  readonly appeared: readonly string[];
  readonly vanished: readonly string[];
}

export class AddressWatch {
  readonly #context: NetContext;
  readonly #looked: (change: AddressChange) => void;
  readonly #read: () => ReadonlySet<string>;
  readonly #timer = new Timer(() => this.#look());
  #known: ReadonlySet<string>;

  /** `looked` is called after each look, with what changed since the one before. */
  constructor(
    context: NetContext,
    looked: (change: AddressChange) => void,
    read: () => ReadonlySet<string> = ownAddresses,
  ) {
    this.#context = context;
    this.#looked = looked;
    this.#read = read;
    this.#known = new Set();
  }

  start(): void {
    this.#known = this.#read();
    this.#arm();
  }

  has(address: string): boolean {
    return this.#known.has(address);
  }

  stop(): void {
    this.#context.timers.disarm(this.#timer);
  }

  #look(): void {
    this.#arm();
    const before = this.#known;
    const now = this.#read();
    this.#known = now;
    this.#looked({
      appeared: [...now].filter((address) => !before.has(address)),
      vanished: [...before].filter((address) => !now.has(address)),
    });
  }

  #arm(): void {
    const { clock, limits, timers } = this.#context;
    timers.arm(this.#timer, after(clock.now(), limits.addressPollMs));
  }
}

/** A sandbox without AF_NETLINK has none to tell: then nothing ever changes. */
function ownAddresses(): ReadonlySet<string> {
  const all = new Set<string>();
  try {
    for (const addresses of Object.values(networkInterfaces())) {
      for (const { address } of addresses ?? []) all.add(address);
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
  return all;
}
