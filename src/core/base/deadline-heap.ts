/**
 * A heap of four children each, by deadline and then by order. The keys lie beside each other in typed
 * arrays, so that sorting touches none of the items: of 20,000 that are spread over the memory, each
 * touch is a cache miss.
 */
const LEAST_CAPACITY = 64;

export class DeadlineHeap<T> {
  #items: T[] = [];
  #deadlines = new Float64Array(LEAST_CAPACITY);
  #orders = new Int32Array(LEAST_CAPACITY);

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** Infinite when the heap is empty. */
  get firstDeadline(): number {
    return this.#items.length === 0 ? Number.POSITIVE_INFINITY : (this.#deadlines[0] ?? 0);
  }

  /** The order with which the first item was added. */
  get firstOrder(): number {
    return this.#orders[0] ?? 0;
  }

  /** `order`: an integer below 2^31, different for all that are in the heap. */
  add(item: T, deadline: number, order: number): void {
    const position = this.#items.length;
    if (position === this.#orders.length) this.#resize(2 * position);
    this.#items.push(item);
    this.#rise(position, item, deadline, order);
  }

  removeFirst(): void {
    const item = this.#items.pop();
    const last = this.#items.length;
    if (item === undefined || last === 0) return;
    this.#sink(0, item, this.#deadlines[last] ?? 0, this.#orders[last] ?? 0);
    if (last > LEAST_CAPACITY && 4 * last < this.#orders.length) this.#resize(2 * last);
  }

  /** Keeps the items that are still wanted. */
  keep(isWanted: (item: T, order: number) => boolean): void {
    const items = this.#items;
    let kept = 0;
    for (let position = 0; position < items.length; position += 1) {
      if (!isWanted(items[position] as T, this.#orders[position] as number)) continue;
      this.#move(position, kept);
      kept += 1;
    }
    items.length = kept;
    for (let position = (kept - 2) >> 2; position >= 0; position -= 1) {
      this.#sink(
        position,
        items[position] as T,
        this.#deadlines[position] as number,
        this.#orders[position] as number,
      );
    }
  }

  /** Gives the items new orders, rising in their present order; what gets none goes. */
  renumber(orderOf: (item: T, order: number) => number | undefined): void {
    const sorted = this.#sorted();
    this.#items = [];
    // What is added in order stays where it is put.
    for (const { item, deadline, order: old } of sorted) {
      const order = orderOf(item, old);
      if (order !== undefined) this.add(item, deadline, order);
    }
  }

  #sorted(): Entry<T>[] {
    const entries = this.#items.map((item, position) => ({
      item,
      deadline: this.#deadlines[position] ?? 0,
      order: this.#orders[position] ?? 0,
    }));
    return entries.sort((a, b) => a.deadline - b.deadline || a.order - b.order);
  }

  #resize(capacity: number): void {
    const size = Math.min(this.#orders.length, capacity);
    const deadlines = new Float64Array(capacity);
    const orders = new Int32Array(capacity);
    deadlines.set(this.#deadlines.subarray(0, size));
    orders.set(this.#orders.subarray(0, size));
    this.#deadlines = deadlines;
    this.#orders = orders;
  }

  #rise(from: number, item: T, deadline: number, order: number): void {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 2;
      if (!this.#isAfter(parent, deadline, order)) break;
      this.#move(parent, position);
      position = parent;
    }
    this.#place(position, item, deadline, order);
  }

  #sink(from: number, item: T, deadline: number, order: number): void {
    const size = this.#items.length;
    let position = from;
    for (let child = 4 * from + 1; child < size; child = 4 * position + 1) {
      const least = this.#leastFrom(child, Math.min(child + 4, size));
      if (this.#isAfter(least, deadline, order)) break;
      this.#move(least, position);
      position = least;
    }
    this.#place(position, item, deadline, order);
  }

  #leastFrom(start: number, end: number): number {
    const deadlines = this.#deadlines;
    const orders = this.#orders;
    let least = start;
    for (let at = start + 1; at < end; at += 1) {
      const deadline = deadlines[at] as number;
      const leastDeadline = deadlines[least] as number;
      if (deadline > leastDeadline) continue;
      if (deadline < leastDeadline || (orders[at] as number) < (orders[least] as number))
        least = at;
    }
    return least;
  }

  /** True when what lies at `position` comes after one with that deadline and order. */
  #isAfter(position: number, deadline: number, order: number): boolean {
    const present = this.#deadlines[position] as number;
    return (
      present > deadline || (present === deadline && (this.#orders[position] as number) > order)
    );
  }

  #move(from: number, to: number): void {
    this.#place(
      to,
      this.#items[from] as T,
      this.#deadlines[from] as number,
      this.#orders[from] as number,
    );
  }

  #place(position: number, item: T, deadline: number, order: number): void {
    this.#items[position] = item;
    this.#deadlines[position] = deadline;
    this.#orders[position] = order;
  }
}

interface Entry<T> {
  readonly item: T;
  readonly deadline: number;
  readonly order: number;
}
