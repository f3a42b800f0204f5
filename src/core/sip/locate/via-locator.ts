/**
 * RFC 3263 for hops behind a SIP proxy of ours: the targets are found as for any other hop, and each is
 * marked with the way to it. Penalties, pacing and verdicts are thereby kept for the (via, target) pair.
 */
import { type Fault, type Result, success } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import type { Locator } from './ports.ts';
import type { NextHop, Target } from './target.ts';

type Located = Result<readonly Target[], Fault>;

export class ViaLocator implements Locator {
  readonly #locator: Locator;
  /** The locator below gives the same array while nothing changed, and so does this one. */
  readonly #marked = new WeakMap<readonly Target[], Map<string, Located>>();

  constructor(locator: Locator) {
    this.#locator = locator;
  }

  locate(hop: NextHop, receive: (result: Located, freshUntil?: Instant) => void): void {
    const { via } = hop;
    if (via === undefined) {
      this.#locator.locate(hop, receive);
      return;
    }
    this.#locator.locate(hop, (result, freshUntil) => {
      receive(result.ok ? this.#through(via, result.value) : result, freshUntil);
    });
  }

  #through(via: string, targets: readonly Target[]): Located {
    let byName = this.#marked.get(targets);
    if (byName === undefined) {
      byName = new Map();
      this.#marked.set(targets, byName);
    }
    const known = byName.get(via);
    if (known !== undefined) return known;
    const marked = success(targets.map((target) => ({ ...target, via })));
    byName.set(via, marked);
    return marked;
  }
}
