/** The registrars and targets that registrations share; each lives as long as somebody uses it. */
import { instant } from '../base/instant.ts';
import type { NextHop, Target } from '../sip/locate/target.ts';
import { targetKey } from '../sip/locate/target.ts';
import type { Entry } from './entry.ts';
import type { GateUser } from './gate-user.ts';
import { type GuardUser, LockoutGuard } from './lockout-guard.ts';
import { countRefreshes, hopKey, joinRegistrar, type Registrar } from './registrar.ts';
import { TargetGate } from './target-gate.ts';

export class Directory {
  readonly #user: GateUser & GuardUser;
  readonly #gates = new Map<string, TargetGate>();
  readonly #registrars = new Map<string, Registrar>();

  constructor(user: GateUser & GuardUser) {
    this.#user = user;
  }

  /** The record that registrations with the same hop share; it counts one more of them. */
  registrarFor(hop: NextHop): Registrar {
    const key = hopKey(hop);
    let registrar = this.#registrars.get(key);
    if (registrar === undefined) {
      const guard = new LockoutGuard(hop.host, this.#user);
      registrar = {
        ...{ key, hop, guard, population: 0, refreshesPerSec: 0 },
        ...{ slots: undefined, toldOfAuth: undefined, noOutboundUntil: instant(0) },
      };
      this.#registrars.set(key, registrar);
    }
    joinRegistrar(registrar);
    return registrar;
  }

  forget(entry: Entry): void {
    const { registrar } = entry;
    countRefreshes(entry, 0);
    registrar.population -= 1;
    if (registrar.population === 0) this.#registrars.delete(registrar.key);
    this.#adopt(entry, undefined);
  }

  /**
   * The gate of the target that the registration tries now: after a failure the next one in order;
   * one that is known as dead only if all are.
   */
  gateFor(entry: Entry, targets: readonly Target[]): TargetGate {
    const begin = entry.state.failures % targets.length;
    const first = this.#gateOf(targets[begin] as Target);
    let chosen = first;
    for (let turn = 1; chosen.isClosed && turn < targets.length; turn += 1) {
      chosen = this.#gateOf(targets[(begin + turn) % targets.length] as Target);
    }
    if (chosen.isClosed) chosen = first;
    if (entry.spec.profile.sourceCheck === 'set') {
      chosen.addresses = targets.map(({ address }) => address);
    }
    this.#adopt(entry, chosen);
    return chosen;
  }

  /** The gates of what lies behind a proxy of ours. */
  behind(proxy: string): readonly TargetGate[] {
    return [...this.#gates.values()].filter(({ target }) => target.via === proxy);
  }

  /** Lets every line move that can; for the sweeper. */
  nudge(): void {
    for (const gate of this.#gates.values()) gate.nudge();
  }

  #gateOf(target: Target): TargetGate {
    const key = targetKey(target);
    const known = this.#gates.get(key);
    if (known !== undefined) return known;
    const gate = new TargetGate(key, target, this.#user);
    this.#gates.set(key, gate);
    return gate;
  }

  /** Gates without users are forgotten, whatever they know. */
  #adopt(entry: Entry, gate: TargetGate | undefined): void {
    const former = entry.gate;
    if (former === gate) return;
    entry.gate = gate;
    if (gate !== undefined) gate.users += 1;
    if (former === undefined) return;
    former.users -= 1;
    if (former.isUnused) this.#gates.delete(former.key);
  }
}
