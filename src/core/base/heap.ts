/** What lies in a heap knows its own place there, so that it can be taken out from the middle. */
export interface Placed {
  /** -1 when it is in no heap; written by the heap alone. */
  position: number;
}

/** A binary heap in which every operation costs a logarithm, removal from the middle included. */
export class Heap<T extends Placed> {
  readonly #items: T[] = [];
  readonly #goesBefore: (a: T, b: T) => boolean;

  constructor(goesBefore: (a: T, b: T) => boolean) {
    this.#goesBefore = goesBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** Everything in it, in no order that means anything. */
  toArray(): readonly T[] {
    return [...this.#items];
  }

  add(item: T): void {
    item.position = this.#items.length;
    this.#items.push(item);
    this.#rise(item);
  }

  /** Puts an item right whose order changed while it lies in the heap. */
  moved(item: T): void {
    this.#rise(item);
    this.#sink(item);
  }

  /** Does nothing when the item is not in the heap. */
  remove(item: T): void {
    const { position } = item;
    if (position < 0) return;
    item.position = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#place(last, position);
    this.moved(last);
  }

  #rise(item: T): void {
    let { position } = item;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = this.#items[parentPosition] as T;
      if (!this.#goesBefore(item, parent)) break;
      this.#place(parent, position);
      position = parentPosition;
    }
    this.#place(item, position);
  }

  #sink(item: T): void {
    let { position } = item;
    for (;;) {
      const child = this.#earlierChild(2 * position + 1);
      if (child === undefined || !this.#goesBefore(child, item)) break;
      const next = child.position;
      this.#place(child, position);
      position = next;
    }
    this.#place(item, position);
  }

  #earlierChild(left: number): T | undefined {
    const a = this.#items[left];
    const b = this.#items[left + 1];
    return a !== undefined && b !== undefined && this.#goesBefore(b, a) ? b : a;
  }

  #place(item: T, position: number): void {
    this.#items[position] = item;
    item.position = position;
  }
}
