/**
 * Chance for the daemon. Branches, tags, Call-IDs and cnonces must not be guessable (RFC 3261 section
 * 19.3), so they come from the operating system; one call to it for each of them would cost more than
 * the digest, so entropy is drawn 4 KiB at a time.
 */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../core/base/random.ts';

const POOL_OCTETS = 4096;

export class EntropyRandom implements Random {
  readonly #pool = Buffer.alloc(POOL_OCTETS);
  #used = POOL_OCTETS;

  /** For jitter and choice: fast, and not for secrets. */
  fraction(): number {
    return Math.random();
  }

  hex(digits: number): string {
    const octets = (digits + 1) >> 1;
    if (octets > POOL_OCTETS) throw new RangeError(`more than ${2 * POOL_OCTETS} digits asked for`);
    if (this.#used + octets > POOL_OCTETS) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += octets;
    // A string of its own; a slice of one big string would keep that alive as long as a Call-ID lives.
    const text = this.#pool.toString('hex', start, this.#used);
    return text.length === digits ? text : text.slice(0, digits);
  }
}
