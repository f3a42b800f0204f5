/** Equal texts that are kept for long become one. Bounded: when it is full, it begins anew. */
export class TextPool {
  readonly #texts = new Map<string, string>();
  readonly #capacity: number;

  constructor(capacity = 1_000) {
    this.#capacity = capacity;
  }

  shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= this.#capacity) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
