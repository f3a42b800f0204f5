/**
 * Transactions by their branches (RFC 3261 section 17.1.3), those that wait for an answer and those that only
 * absorb copies of it until timer K. One open table of numbers, each made of the letters of a branch: a map of
 * texts is made anew whenever it grows or shrinks, which it did at each volley, and texts that live for
 * seconds have to be swept up some day. Both were a third of the work of the collector.
 *
 *   add --> waiting --linger--> lingering --age, age--> gone
 *              +----remove----------------------------> gone
 */
const LEAST_CAPACITY = 64;
const EMPTY = 0;
const WAITING = 1;
/** Two generations of lingering ones take turns. */
const FIRST_GENERATION = 2;
const COOKIE_LENGTH = 7;

interface Branched {
  readonly request: { readonly branch: string };
}

export class BranchTable<Item extends Branched> {
  #keys = new Int32Array(LEAST_CAPACITY);
  #kinds = new Uint8Array(LEAST_CAPACITY);
  #items: (Item | undefined)[] = new Array<undefined>(LEAST_CAPACITY).fill(undefined);
  #generation = FIRST_GENERATION;
  #waiting = 0;
  #lingering = 0;

  /** How many wait for an answer. */
  get waiting(): number {
    return this.#waiting;
  }

  get lingering(): number {
    return this.#lingering;
  }

  add(item: Item): void {
    if (2 * (this.#waiting + this.#lingering + 1) > this.#keys.length) {
      this.#resize(2 * this.#keys.length);
    }
    this.#insert(keyOf(item.request.branch), WAITING, item);
    this.#waiting += 1;
  }

  /** The waiting one with that branch; tokens are compared without regard to case (section 7.3.1). */
  find(branch: string): Item | undefined {
    const key = keyOf(branch);
    const mask = this.#keys.length - 1;
    for (let slot = key & mask; this.#kinds[slot] !== EMPTY; slot = (slot + 1) & mask) {
      if (this.#keys[slot] !== key) continue;
      const item = this.#items[slot];
      if (item !== undefined && isSameBranch(item.request.branch, branch)) return item;
    }
    return undefined;
  }

  /**
   * True for a branch that lingers. Only its number is compared: one in billions of strays is taken for a
   * copy, which makes a difference to a counter alone.
   */
  absorbs(branch: string): boolean {
    const key = keyOf(branch);
    const mask = this.#keys.length - 1;
    for (let slot = key & mask; this.#kinds[slot] !== EMPTY; slot = (slot + 1) & mask) {
      if (this.#keys[slot] === key && this.#kinds[slot] !== WAITING) return true;
    }
    return false;
  }

  /** It is answered: from now on it only absorbs. Does nothing for one that does not wait. */
  linger(item: Item): void {
    const slot = this.#slotOf(item);
    if (slot < 0) return;
    this.#items[slot] = undefined;
    this.#kinds[slot] = this.#generation;
    this.#waiting -= 1;
    this.#lingering += 1;
  }

  /** Does nothing for one that does not wait. */
  remove(item: Item): void {
    const slot = this.#slotOf(item);
    if (slot < 0) return;
    this.#waiting -= 1;
    this.#clear(slot);
  }

  /** Forgets what was lingering already when it was called last. */
  age(): void {
    this.#generation =
      this.#generation === FIRST_GENERATION ? FIRST_GENERATION + 1 : FIRST_GENERATION;
    const kinds = this.#kinds;
    for (let slot = 0; slot < kinds.length; slot += 1) {
      // What comes into the place of one that goes has its turn in the next round.
      while (kinds[slot] === this.#generation) {
        this.#lingering -= 1;
        this.#clear(slot);
      }
    }
    const used = this.#waiting + this.#lingering;
    if (kinds.length > LEAST_CAPACITY && 16 * used < kinds.length) {
      this.#resize(kinds.length / 4);
    }
  }

  *allWaiting(): Generator<Item> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }

  #slotOf(item: Item): number {
    const key = keyOf(item.request.branch);
    const mask = this.#keys.length - 1;
    for (let slot = key & mask; this.#kinds[slot] !== EMPTY; slot = (slot + 1) & mask) {
      if (this.#items[slot] === item) return slot;
    }
    return -1;
  }

  #insert(key: number, kind: number, item: Item | undefined): void {
    const mask = this.#keys.length - 1;
    let slot = key & mask;
    while (this.#kinds[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#keys[slot] = key;
    this.#kinds[slot] = kind;
    this.#items[slot] = item;
  }

  /** Whatever stood behind it because this place was taken moves up, so that no search ends too early. */
  #clear(slot: number): void {
    const mask = this.#keys.length - 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; this.#kinds[next] !== EMPTY; next = (next + 1) & mask) {
      const home = (this.#keys[next] as number) & mask;
      // It may not stand before its home.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.#keys[hole] = this.#keys[next] as number;
      this.#kinds[hole] = this.#kinds[next] as number;
      this.#items[hole] = this.#items[next];
      hole = next;
    }
    this.#kinds[hole] = EMPTY;
    this.#items[hole] = undefined;
  }

  #resize(capacity: number): void {
    const [keys, kinds, items] = [this.#keys, this.#kinds, this.#items];
    this.#keys = new Int32Array(capacity);
    this.#kinds = new Uint8Array(capacity);
    this.#items = new Array<undefined>(capacity).fill(undefined);
    for (let slot = 0; slot < kinds.length; slot += 1) {
      const kind = kinds[slot] as number;
      if (kind !== EMPTY) this.#insert(keys[slot] as number, kind, items[slot]);
    }
  }
}

/** The same for both cases of a letter (FNV-1a). */
function keyOf(branch: string): number {
  let hash = 0x811c9dc5;
  for (let at = COOKIE_LENGTH; at < branch.length; at += 1) {
    hash = Math.imul(hash ^ (branch.charCodeAt(at) | 0x20), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}

/** Ours are lower case after the cookie. */
function isSameBranch(ours: string, theirs: string): boolean {
  if (ours === theirs) return true;
  return ours.length === theirs.length && ours === `z9hG4bK${theirs.slice(7).toLowerCase()}`;
}
