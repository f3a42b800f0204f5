/**
 * Typed, synchronous publish and subscribe; knows no event itself. A subscriber that throws is
 * reported through `onThrow` and never hurts the publisher or the other subscribers.
 */
export class EventHub<E> {
  readonly #subscribers = new Set<(event: E) => void>();
  readonly #onThrow: (error: unknown) => void;

  constructor(onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  /** Returns the function that ends the subscription. */
  subscribe(receive: (event: E) => void): () => void {
    this.#subscribers.add(receive);
    return () => this.#subscribers.delete(receive);
  }

  publish(event: E): void {
    for (const receive of this.#subscribers) {
      try {
        receive(event);
      } catch (error) {
        this.#onThrow(error);
      }
    }
  }
}

/** The narrow port through which a part of core tells what happened. */
export type Publish<E> = (event: E) => void;
