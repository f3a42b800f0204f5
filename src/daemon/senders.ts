/**
 * Who may send us requests (design.md 6, `requests that reach us`): the blocks of `inbound.allow`, and
 * the targets that our own registrations and peer servers resolved to.
 */
import { BlockList, isIPv6 } from 'node:net';
import type { Fault, Result } from '../core/base/fault.ts';
import type { Instant } from '../core/base/instant.ts';
import type { Locator } from '../core/sip/locate/ports.ts';
import type { NextHop, Target } from '../core/sip/locate/target.ts';
import type { Sender } from '../core/sip/user-agent/uas.ts';

/** Addresses of targets that are remembered; past that, new ones count as strangers. */
const MAX_TARGETS = 65_536;

export class Senders {
  #allowed = new BlockList();
  readonly #targets = new Set<string>();

  constructor(allow: readonly string[]) {
    this.setAllowed(allow);
  }

  /** Takes CIDR blocks or single addresses; they have been checked by the configuration. */
  setAllowed(allow: readonly string[]): void {
    const list = new BlockList();
    for (const block of allow) {
      const [address = '', bits] = block.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (bits === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(bits), family);
    }
    this.#allowed = list;
  }

  addTargets(targets: readonly Target[]): void {
    for (const { address } of targets) {
      if (this.#targets.size < MAX_TARGETS) this.#targets.add(address);
    }
  }

  senderOf(address: string): Sender {
    if (this.#allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return 'allowed';
    return this.#targets.has(address) ? 'target' : 'stranger';
  }
}

/** A locator that tells the senders which targets it found. */
export class RememberingLocator implements Locator {
  readonly #locator: Locator;
  readonly #senders: Senders;
  /** The locator gives the same array as long as nothing changed, so that each is looked at once. */
  readonly #seen = new WeakSet<readonly Target[]>();

  constructor(locator: Locator, senders: Senders) {
    this.#locator = locator;
    this.#senders = senders;
  }

  locate(
    hop: NextHop,
    receive: (result: Result<readonly Target[], Fault>, freshUntil?: Instant) => void,
  ): void {
    this.#locator.locate(hop, (result, freshUntil) => {
      if (result.ok && !this.#seen.has(result.value)) {
        this.#seen.add(result.value);
        this.#senders.addTargets(result.value);
      }
      receive(result, freshUntil);
    });
  }
}
