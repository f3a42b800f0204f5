/**
 * The local sockets of the configuration, in its order: opens them at the start, follows a reload, and
 * tries again and again what waits for its address. What cannot be opened for another reason than a
 * missing address (the port is taken, no permission, a bad certificate) is an error of the start, and
 * makes a reload change nothing.
 *
 * A reload opens first and lets go afterwards: what is under way over a socket that goes has a while to
 * end. Only where old and new want the same port, the old one is closed before.
 */
import { after } from '../core/base/instant.ts';
import { Timer } from '../core/base/timer-queue.ts';
import type { TransportProtocol } from '../core/sip/locate/target.ts';
import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import { BindError } from './bind-error.ts';
import { isSamePlace, isSameSpec, LocalSocket } from './local-socket.ts';
import type { NetContext } from './net-context.ts';
import type { SocketSet } from './socket-set.ts';

/** What a reload makes of the sockets that were there. */
interface Plan {
  readonly next: LocalSocket[];
  readonly fresh: LocalSocket[];
  readonly respecs: (() => void)[];
  readonly leaving: LocalSocket[];
}

export interface LocalSocketsUser {
  /** The socket is open from now on, or sends from elsewhere than before: all its peers are concerned. */
  moved(socket: LocalSocket): void;
  /** Nothing new goes over it; what is open may go on until `closed`. */
  retired(socket: LocalSocket): void;
  closed(socket: LocalSocket): void;
}

export class LocalSockets {
  readonly #context: NetContext;
  readonly #streams: SocketSet;
  readonly #user: LocalSocketsUser;
  readonly #retiring = new Map<LocalSocket, Timer>();
  #all: LocalSocket[] = [];
  #isRetrying = false;

  constructor(context: NetContext, streams: SocketSet, user: LocalSocketsUser) {
    this.#context = context;
    this.#streams = streams;
    this.#user = user;
  }

  get all(): readonly LocalSocket[] {
    return this.#all;
  }

  /** The one with that name; without a name the first of the protocol and family. */
  find(protocol: TransportProtocol, family: 4 | 6, name?: string): LocalSocket | undefined {
    return this.#all.find(
      ({ spec }) =>
        spec.protocol === protocol &&
        spec.family === family &&
        (name === undefined || spec.name === name),
    );
  }

  isDefault({ spec }: LocalSocket): boolean {
    return this.find(spec.protocol, spec.family)?.spec.name === spec.name;
  }

  /** Opens everything; what fails, but for a missing address, is returned. */
  async start(specs: readonly LocalSocketSpec[]): Promise<readonly BindError[]> {
    const { plan, errors } = this.#plan(specs);
    this.#all = plan.next;
    this.#showCertificates(specs);
    return [...errors, ...(await this.#openAll(plan.fresh))];
  }

  /** Takes the specs of a reload over. Returns why that was not possible; nothing has changed then. */
  async change(specs: readonly LocalSocketSpec[]): Promise<readonly BindError[]> {
    const { plan, errors } = this.#plan(specs);
    if (errors.length > 0) return errors;
    const late = plan.fresh.filter((one) => plan.leaving.some((old) => wantsPortOf(one, old)));
    const early = plan.fresh.filter((one) => !late.includes(one));
    const failed = await this.#openAll(early);
    if (failed.length > 0) {
      await Promise.all(early.map((one) => one.close()));
      return failed;
    }
    const defaults = new Map(this.#all.map((one) => [one, this.isDefault(one)]));
    const advertised = new Map(this.#all.map((one) => [one, one.spec.advertise]));
    await this.#letGo(plan.leaving, late);
    this.#all = plan.next.filter((one) => !this.#isLeftOut(one));
    for (const respec of plan.respecs) respec();
    this.#showCertificates(specs);
    for (const one of late) await this.#openLate(one);
    if (this.#context.lifetime.isOver) await this.close();
    else this.#tellMoved(defaults, advertised);
    return [];
  }

  /** Tries what waits; called now and then. */
  async retry(): Promise<void> {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    try {
      await this.#retryAll();
    } finally {
      this.#isRetrying = false;
    }
  }

  async #retryAll(): Promise<void> {
    for (const one of this.#all.filter(({ isOpen }) => !isOpen)) {
      try {
        await one.open();
      } catch (error) {
        if (!(error instanceof BindError)) throw error;
        continue;
      }
      // A reload or the stop came meanwhile.
      if (!this.#all.includes(one) || this.#context.lifetime.isOver) await one.close();
      else this.#opened(one);
    }
  }

  async close(): Promise<void> {
    const all = [...this.#all, ...this.#retiring.keys()];
    for (const timer of this.#retiring.values()) this.#context.timers.disarm(timer);
    await Promise.all(all.map((one) => one.close()));
  }

  #plan(specs: readonly LocalSocketSpec[]): { plan: Plan; errors: BindError[] } {
    const plan: Plan = { next: [], fresh: [], respecs: [], leaving: [] };
    const errors: BindError[] = [];
    for (const spec of specs) {
      const old = this.#all.find((one) => one.spec.name === spec.name);
      try {
        if (old !== undefined && isSameSpec(old.spec, spec)) plan.next.push(old);
        else if (old !== undefined && isSamePlace(old.spec, spec)) {
          plan.respecs.push(old.prepareSpec(spec));
          plan.next.push(old);
        } else {
          const one = new LocalSocket(spec, this.#context, this.#streams);
          plan.next.push(one);
          plan.fresh.push(one);
        }
      } catch (error) {
        if (!(error instanceof BindError)) throw error;
        errors.push(error);
      }
    }
    plan.leaving.push(...this.#all.filter((one) => !plan.next.includes(one)));
    return { plan, errors };
  }

  async #openAll(sockets: readonly LocalSocket[]): Promise<BindError[]> {
    const errors: BindError[] = [];
    await Promise.all(
      sockets.map(async (one) => {
        try {
          await one.open();
        } catch (error) {
          if (!(error instanceof BindError)) throw error;
          if (one.spec.isMadeUp === true) this.#leaveOut(one, error);
          else if (error.code === 'EADDRNOTAVAIL') this.#tellWaiting(one, error);
          else errors.push(error);
        }
      }),
    );
    return errors;
  }

  /** Its port was held by a socket that leaves; whoever took it meanwhile, we go on and try again. */
  async #openLate(one: LocalSocket): Promise<void> {
    try {
      await one.open();
    } catch (error) {
      if (!(error instanceof BindError)) throw error;
      this.#tellWaiting(one, error);
    }
  }

  async #letGo(leaving: readonly LocalSocket[], late: readonly LocalSocket[]): Promise<void> {
    const { clock, limits, timers } = this.#context;
    for (const old of leaving) {
      old.retire();
      this.#user.retired(old);
      if (late.some((one) => wantsPortOf(one, old))) {
        await this.#finish(old);
        continue;
      }
      const timer = new Timer(() => void this.#finish(old));
      this.#retiring.set(old, timer);
      timers.arm(timer, after(clock.now(), limits.drainMs));
    }
  }

  async #finish(old: LocalSocket): Promise<void> {
    this.#retiring.delete(old);
    this.#user.closed(old);
    await old.close();
  }

  /** Peers of a socket that is new under its name, or that is now the first of its kind. */
  #tellMoved(
    defaults: ReadonlyMap<LocalSocket, boolean>,
    advertised: ReadonlyMap<LocalSocket, string | undefined>,
  ): void {
    for (const one of this.#all) {
      const isNew = !defaults.has(one) || advertised.get(one) !== one.spec.advertise;
      const isPromoted = this.isDefault(one) && defaults.get(one) !== true;
      if (one.isOpen && (isNew || isPromoted)) this.#user.moved(one);
    }
  }

  #opened(one: LocalSocket): void {
    const { name } = one.spec;
    const text = `Local socket ${name} is open now.`;
    this.#context.notify({ kind: 'socket.opened', localSocket: name, text });
    this.#user.moved(one);
  }

  #tellWaiting({ spec }: LocalSocket, { message }: BindError): void {
    const text = `${message} It waits, and is tried again every few seconds.`;
    this.#context.notify({ kind: 'socket.waiting', localSocket: spec.name, text });
  }

  #showCertificates(specs: readonly LocalSocketSpec[]): void {
    const { certificates } = this.#context;
    const names = new Set(specs.map(({ name }) => name));
    for (const { role, name } of certificates.rows()) {
      if (role === 'own' && !names.has(name)) certificates.setOwn(name, undefined);
    }
    for (const { spec } of this.#all) certificates.setOwn(spec.name, spec.tls?.certificate);
  }

  #isLeftOut({ spec, isOpen }: LocalSocket): boolean {
    return spec.isMadeUp === true && !isOpen;
  }

  #leaveOut(one: LocalSocket, { message }: BindError): void {
    this.#all = this.#all.filter((other) => other !== one);
    const { name, family, protocol } = one.spec;
    const kind = `${protocol.toUpperCase()} over IPv${family}`;
    const text = `${message} Nothing can be reached by ${kind}; a reload tries again.`;
    this.#context.notify({ kind: 'socket.leftOut', localSocket: name, text });
  }
}

/** Two that perhaps cannot be open at the same time. */
function wantsPortOf({ spec: a }: LocalSocket, { spec: b }: LocalSocket): boolean {
  const isStream = (protocol: TransportProtocol): boolean => protocol !== 'udp';
  return a.port !== 0 && a.port === b.port && isStream(a.protocol) === isStream(b.protocol);
}
