/**
 * How many connects may be under way: some to one target, more in all. The others wait in the order in
 * which they came; one that waits for a busy target does not hold up those behind it.
 */
import type { NetLimits } from './limits.ts';

/** Who wants to connect. */
export interface Connector {
  /** Its turn has come. Called from `enter`, or from `leave` of another. */
  proceed(): void;
}

export class ConnectGate {
  readonly #limits: NetLimits;
  readonly #inside = new Map<Connector, string>();
  readonly #perTarget = new Map<string, number>();
  readonly #waiting = new Map<Connector, string>();

  constructor(limits: NetLimits) {
    this.#limits = limits;
  }

  get inFlight(): number {
    return this.#inside.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(target: string, connector: Connector): void {
    if (this.#hasRoom(target)) this.#admit(target, connector);
    else this.#waiting.set(connector, target);
  }

  /** Does nothing for one that is neither inside nor waiting. */
  leave(target: string, connector: Connector): void {
    this.#waiting.delete(connector);
    if (!this.#inside.delete(connector)) return;
    const left = (this.#perTarget.get(target) ?? 1) - 1;
    if (left === 0) this.#perTarget.delete(target);
    else this.#perTarget.set(target, left);
    this.#admitNext();
  }

  #admitNext(): void {
    for (const [connector, target] of this.#waiting) {
      if (this.#inside.size >= this.#limits.connects) return;
      if (!this.#hasRoom(target)) continue;
      this.#waiting.delete(connector);
      this.#admit(target, connector);
      return;
    }
  }

  #hasRoom(target: string): boolean {
    const { connects, connectsPerTarget } = this.#limits;
    return this.#inside.size < connects && (this.#perTarget.get(target) ?? 0) < connectsPerTarget;
  }

  #admit(target: string, connector: Connector): void {
    this.#inside.set(connector, target);
    this.#perTarget.set(target, (this.#perTarget.get(target) ?? 0) + 1);
    connector.proceed();
  }
}
