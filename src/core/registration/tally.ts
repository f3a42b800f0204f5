/** How many registrations of each contract are in each state; kept as they change, never by a walk. */
import type { RegistrationState } from './events.ts';

type Counts = Record<RegistrationState, number>;

export class Tally {
  /** Bindings that are not ours, by contract; only where there are any. */
  readonly otherBindings: Map<string, number> = new Map();
  readonly #byContract = new Map<string, Counts>();

  get counts(): ReadonlyMap<string, Readonly<Counts>> {
    return this.#byContract;
  }

  added(contract: string, state: RegistrationState): void {
    let counts = this.#byContract.get(contract);
    if (counts === undefined) {
      counts = none();
      this.#byContract.set(contract, counts);
    }
    counts[state] += 1;
  }

  /** A registrar lists another number of bindings of others than before. */
  countOthers(contract: string, more: number): void {
    if (more === 0) return;
    const count = (this.otherBindings.get(contract) ?? 0) + more;
    if (count > 0) this.otherBindings.set(contract, count);
    else this.otherBindings.delete(contract);
  }

  /** The last registration of a contract takes the contract with it. */
  removed(contract: string, state: RegistrationState): void {
    const counts = this.#byContract.get(contract);
    if (counts === undefined) return;
    counts[state] -= 1;
    if (Object.values(counts).every((count) => count === 0)) this.#byContract.delete(contract);
  }

  moved(contract: string, from: RegistrationState, to: RegistrationState): void {
    const counts = this.#byContract.get(contract);
    if (counts === undefined || from === to) return;
    counts[from] -= 1;
    counts[to] += 1;
  }
}

function none(): Counts {
  return {
    idle: 0,
    registering: 0,
    registered: 0,
    refreshFailing: 0,
    waiting: 0,
    rejected: 0,
    unregistering: 0,
    off: 0,
  };
}
