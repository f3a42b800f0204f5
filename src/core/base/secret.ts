const HIDDEN = '[secret]';

/**
 * A password or digest key that cannot be printed by accident: every way to text gives `[secret]`,
 * and inspection sees an empty object since the value is private.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Called only where it is hashed or compared. */
  reveal(): string {
    return this.#value;
  }

  /** True when both hide the same value. */
  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }
}
