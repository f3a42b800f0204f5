/**
 * Keeper of which servers hang on which registrations (`requires`). Health does not know registrations:
 * it asks a port how they stand, and is told when that may have changed. What it is told is looked at in
 * a later turn, all at once, so that nothing is read in the midst of somebody's step.
 */
import type { Cause } from '../base/cause.ts';
import type { Clock } from '../base/clock.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import type { Target } from '../sip/locate/target.ts';
import type { TlsPolicy } from '../sip/transport/ports.ts';
import { healthCause } from './causes.ts';
import type { PeerServer } from './peer-server.ts';

/** How one registration stands; `pending`: its first attempt has not ended yet. */
export interface RegistrationStanding {
  readonly standing: 'bound' | 'unbound' | 'pending';
  readonly cause: Cause | undefined;
}

/** Where a registration is bound, and how requests of its account travel (RFC 3608, RFC 5626). */
export interface RegisteredWay {
  readonly target: Target;
  /** The Service-Route, in order; empty: there is none. */
  readonly route: readonly string[];
  readonly localSocket: string | undefined;
  readonly tls: TlsPolicy;
}

/** Carried out by the daemon, which knows both sides. */
export interface RegistrationsPort {
  /** Undefined while it is not bound. */
  wayOf(id: string): RegisteredWay | undefined;
  /** Undefined: there is no such registration. */
  standingOf(id: string): RegistrationStanding | undefined;
}

export type Requirement = 'met' | 'pending' | 'unmet';

const ABSENT: RegistrationStanding = { standing: 'unbound', cause: undefined };
/** In a cause; the API has all of them. */
const NAMED_IDS = 3;

export class Requirements {
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #port: RegistrationsPort;
  readonly #settle: (server: PeerServer) => void;
  readonly #byRegistration = new Map<string, Set<PeerServer>>();
  readonly #dirty = new Set<PeerServer>();
  readonly #timer = new Timer(() => this.#lookAgain());

  constructor(
    { clock, timers }: { readonly clock: Clock; readonly timers: TimerQueue },
    port: RegistrationsPort,
    settle: (server: PeerServer) => void,
  ) {
    this.#clock = clock;
    this.#timers = timers;
    this.#port = port;
    this.#settle = settle;
  }

  /** The servers that there are now. */
  apply(servers: Iterable<PeerServer>): void {
    this.#byRegistration.clear();
    this.#dirty.clear();
    for (const server of servers) {
      const { requires, probeThrough } = server.spec;
      const through = probeThrough === undefined ? [] : [probeThrough];
      for (const id of [...(requires?.registrations ?? []), ...through]) {
        const hanging = this.#byRegistration.get(id) ?? new Set();
        hanging.add(server);
        this.#byRegistration.set(id, hanging);
      }
    }
  }

  /** A registration may stand otherwise than before. Called for all of them, so that it is cheap. */
  changed(registration: string): void {
    const servers = this.#byRegistration.get(registration);
    if (servers === undefined) return;
    for (const server of servers) this.#dirty.add(server);
    this.#timers.arm(this.#timer, this.#clock.now());
  }

  stop(): void {
    this.#timers.disarm(this.#timer);
  }

  /** The way that its probes take, where that is the one of a registration; undefined: not bound. */
  wayOf({ spec }: PeerServer): RegisteredWay | undefined {
    return spec.probeThrough === undefined ? undefined : this.#port.wayOf(spec.probeThrough);
  }

  of(server: PeerServer): Requirement {
    const { requires } = server.spec;
    if (requires === undefined) return 'met';
    const counts = { bound: 0, pending: 0, unbound: 0 };
    for (const id of requires.registrations) counts[this.#standing(id).standing] += 1;
    if (counts.bound >= requires.atLeast) return 'met';
    return counts.bound + counts.pending >= requires.atLeast ? 'pending' : 'unmet';
  }

  /** Why it is not met: how many are missing, and what the first of them says of itself. */
  causes(server: PeerServer): readonly Cause[] {
    const { requires } = server.spec;
    if (requires === undefined) return [];
    const { registrations, atLeast } = requires;
    const missing = registrations.filter((id) => this.#standing(id).standing !== 'bound');
    const bound = registrations.length - missing.length;
    const more = missing.length > NAMED_IDS ? ' ...' : '';
    const names = `${missing.slice(0, NAMED_IDS).join(', ')}${more}`;
    const text = `${bound} of the registrations that it needs are bound, ${atLeast} have to be; missing: ${names}.`;
    const own = missing.flatMap((id) => this.#standing(id).cause ?? []);
    return [healthCause('requires.unbound', text), ...own.slice(0, 1)];
  }

  #standing(id: string): RegistrationStanding {
    return this.#port.standingOf(id) ?? ABSENT;
  }

  #lookAgain(): void {
    const servers = [...this.#dirty];
    this.#dirty.clear();
    for (const server of servers) this.#settle(server);
  }
}
