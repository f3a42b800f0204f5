/**
 * The log: one JSON line for each change of state, through pino. Core publishes events; here they
 * become lines. Where the lines go is the sink's business (daemon/log-sink.ts).
 */
import { type DestinationStream, type Level, type Logger, pino } from 'pino';
import type { HealthEvent } from '../core/health/events.ts';
import type { RegistrationEvent } from '../core/registration/events.ts';
import type { ProxyEvent } from '../core/sip/proxy/events.ts';
import type { SipEvent } from '../core/sip/user-agent/stack.ts';
import { renderCause } from './cause.ts';
import type { CoreEvent } from './events.ts';
import type { LineLevel, LogEventName } from './log-events.ts';
import type { WallClock } from './wall-clock.ts';

/** Takes one line, its newline included; must not throw and not block. */
export interface LogSink {
  write(line: string): void;
}

export interface DaemonLogOptions {
  readonly level: Level | 'silent';
  readonly sink: LogSink;
  readonly wallClock: WallClock;
  /** True where standard output is the journal: each line then starts with its priority, `<N>`. */
  readonly isJournal: boolean;
}

type Changed<E, T extends string> = Extract<E, { readonly type: T }>;

/** The last line about a registration that is not well, to keep repeats out of the log. */
interface Trouble {
  readonly key: string;
  repeats: number;
}

export class DaemonLog {
  readonly #pino: Logger;
  readonly #wallClock: WallClock;
  /** Only registrations in trouble have an entry, so it is as long as the trouble is wide. */
  readonly #trouble = new Map<string, Trouble>();

  constructor(options: DaemonLogOptions) {
    this.#wallClock = options.wallClock;
    this.#pino = pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      options.isJournal ? withPriority(options.sink) : options.sink,
    );
  }

  setLevel(level: Level | 'silent'): void {
    this.#pino.level = level;
  }

  /** One line of the daemon itself; `fields` hold no secret, since `Secret` prints as `[secret]`. */
  write(
    level: LineLevel,
    event: LogEventName,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#pino[level]({ event, ...fields });
  }

  /** A subscriber of the event hub. */
  receive(event: CoreEvent): void {
    switch (event.type) {
      case 'registration.changed':
        this.#registrationChanged(event);
        return;
      case 'registration.legChanged':
        this.#legChanged(event);
        return;
      case 'peerServer.changed':
        this.#peerServerChanged(event);
        return;
      case 'verdict.changed':
        return;
      case 'verdicts.frozen':
        this.#verdictsFrozen(event);
        return;
      case 'registration.answered':
      case 'probe.finished':
        if (this.#pino.isLevelEnabled('debug')) this.#transaction(event);
        return;
      case 'peeringContract.changed':
        this.write(CONTRACT_LEVEL[event.enabled], event.type, {
          contract: event.contract,
          was: event.was,
          enabled: event.enabled,
          offers: event.offers,
        });
        return;
      case 'registrations.paused':
        this.#paused(event);
        return;
      case 'proxy.changed':
        this.#proxyChanged(event);
        return;
      case 'inbound.proxyUnreachable':
        this.#proxyUnreachable(event);
        return;
      case 'inbound.callRefused':
      case 'inbound.limited':
      case 'response.strayed':
      case 'request.large':
        this.#sip(event);
        return;
      default:
        this.#other(event);
    }
  }

  #registrationChanged(event: Changed<RegistrationEvent, 'registration.changed'>): void {
    const { id, profile } = event.spec;
    const level = registrationLevel(event);
    const repeats = level === 'debug' ? 0 : this.#repeats(id, level, event);
    const asLevel = repeats === undefined ? 'debug' : level;
    if (!this.#pino.isLevelEnabled(asLevel)) return;
    this.#pino[asLevel]({
      event: event.type,
      registration: id,
      state: event.state,
      bound: event.bound,
      cause: renderCause(event.cause, event.nextAttemptAt, this.#wallClock),
      from: event.from,
      contract: profile.contract,
      labels: profile.labels,
      ...(repeats === undefined || repeats === 0 ? undefined : { repeats }),
    });
  }

  /** The registration itself has its line where this leg decides; so this one never is an error. */
  #legChanged(event: Changed<RegistrationEvent, 'registration.legChanged'>): void {
    const { id, profile } = event.spec;
    const isWell = event.cause === undefined || event.state === 'off';
    this.write(event.state === 'registering' ? 'debug' : isWell ? 'info' : 'warn', event.type, {
      registration: id,
      leg: event.leg,
      state: event.state,
      bound: event.bound,
      target: event.target ?? null,
      cause: renderCause(event.cause, event.nextAttemptAt, this.#wallClock),
      from: event.from,
      contract: profile.contract,
    });
  }

  /** How many like lines were left out before this one; undefined when this one is to be left out, too. */
  #repeats(
    id: string,
    level: LineLevel,
    event: Changed<RegistrationEvent, 'registration.changed'>,
  ): number | undefined {
    const known = this.#trouble.get(id);
    if (level === 'info') {
      if (known !== undefined) this.#trouble.delete(id);
      return known?.repeats ?? 0;
    }
    const key = `${event.state} ${event.bound} ${event.cause?.code ?? ''}`;
    if (known?.key === key) {
      known.repeats += 1;
      return undefined;
    }
    this.#trouble.set(id, { key, repeats: 0 });
    return known?.repeats ?? 0;
  }

  #peerServerChanged(event: Changed<HealthEvent, 'peerServer.changed'>): void {
    // A server that never answered has its one alarm in `peerServer.noticed`.
    const isRanked = event.lastResort && event.state !== 'unknown';
    const isWell = event.enabled && event.state !== 'impaired' && !isRanked;
    this.write(isWell || event.spec.admin !== 'up' ? 'info' : 'warn', event.type, {
      peerServer: event.spec.id,
      state: event.state,
      enabled: event.enabled,
      cause: renderCause(event.cause, event.nextProbeAt, this.#wallClock),
      from: event.from,
      lastResort: event.lastResort,
      contract: event.spec.contract,
      labels: event.spec.labels,
    });
  }

  #verdictsFrozen({ type, isFrozen, cause, until }: Changed<HealthEvent, 'verdicts.frozen'>): void {
    const { code, text } = cause;
    const isOrdered = code === 'ownFault.ordered';
    this.write(isFrozen && !isOrdered ? 'error' : 'warn', type, {
      frozen: isFrozen,
      networkSuspect: isFrozen && !isOrdered,
      cause: { code, text },
      until: this.#wallClock.iso(until),
    });
  }

  #transaction(
    event:
      | Changed<RegistrationEvent, 'registration.answered'>
      | Changed<HealthEvent, 'probe.finished'>,
  ): void {
    const { type, at: _at, ...fields } = event;
    if (type === 'probe.finished') {
      const peerServer = `${event.contract}/${event.peerServer}`;
      this.write('debug', type, { ...fields, peerServer });
    } else {
      this.write('debug', type, fields);
    }
  }

  #paused({ type, order }: Changed<RegistrationEvent, 'registrations.paused'>): void {
    if (order === undefined) {
      this.write('info', type, { isPaused: false, reason: '', until: null, text: GO_ON });
      return;
    }
    const { reason, until } = order;
    const at = this.#wallClock.iso(until);
    this.write('warn', type, { isPaused: true, reason, until: at, text: REST });
  }

  #proxyChanged(event: ProxyEvent): void {
    const { type, proxy, from, state, isRestarted } = event;
    const cause = renderCause(event.cause, undefined, this.#wallClock);
    const isWell = state !== 'silent' && !isRestarted;
    this.write(isWell ? 'info' : 'warn', type, { proxy, from, state, isRestarted, cause });
  }

  #proxyUnreachable({ type, target, cause }: Changed<SipEvent, 'inbound.proxyUnreachable'>): void {
    const { code, text } = cause;
    this.write('error', type, { target, cause: { code, text }, next: SIP_ADVICE[type] });
  }

  #sip(event: Exclude<SipEvent, { readonly type: 'inbound.proxyUnreachable' }>): void {
    const { type, at: _at, ...fields } = event;
    const next = SIP_ADVICE[type];
    this.write('warn', type, { ...fields, ...(next === undefined ? undefined : { next }) });
  }

  #other(
    event:
      | Changed<RegistrationEvent, 'registration.removed' | 'registration.noticed'>
      | Changed<HealthEvent, 'peerServer.noticed'>,
  ): void {
    const cause = renderCause(event.cause, undefined, this.#wallClock);
    if (event.type === 'registration.removed') {
      const { id, profile } = event.spec;
      this.#trouble.delete(id);
      const { contract, labels } = profile;
      this.write('info', event.type, { registration: id, cause, contract, labels });
      return;
    }
    this.write(event.cause.blame === 'config' ? 'error' : 'warn', event.type, {
      ...(event.type === 'registration.noticed'
        ? { registration: event.registration ?? null }
        : { peerServer: `${event.contract}/${event.peerServer}` }),
      cause,
      contract: event.contract,
    });
  }
}

const REST = 'No REGISTER is sent. Bindings stay as they are, and those that run out are gone.';
const GO_ON = 'Registrations go on in the pace of their targets, those first that run out first.';

/** What the operator can do about it. */
const SIP_ADVICE: { readonly [type in SipEvent['type']]?: string } = {
  'inbound.callRefused':
    'Give the registrations a contact of your SIP proxy, or set inbound.forwardTo to have calls relayed to it. Where that is set, only targets of registrations may call: add others to inbound.allow.',
  'inbound.limited':
    'If these calls are wanted, raise inbound.maxRate; else ask the provider, or close the port to that address.',
  'inbound.proxyUnreachable':
    'Look whether the proxy runs and inbound.forwardTo names it; calls are relayed again as soon as it can be reached.',
  'response.strayed':
    "If the address is the provider's, set sourceCheck: set (any address of the name) or off there; else somebody is guessing well.",
};

const CONTRACT_LEVEL = { all: 'info', some: 'warn', none: 'error' } as const;

/** Attempts of 100,000 registrations start at once, so that a start of one is news at debug level only. */
function registrationLevel(event: Changed<RegistrationEvent, 'registration.changed'>): LineLevel {
  switch (event.state) {
    case 'rejected':
      return 'error';
    case 'waiting':
    case 'refreshFailing':
      return event.cause === undefined ? 'info' : 'warn';
    case 'registering':
    case 'idle':
      return 'debug';
    default:
      return 'info';
  }
}

/** The journal takes syslog priorities at the start of a line (sd-daemon(3)). */
function withPriority(sink: LogSink): DestinationStream {
  const destination = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write(line: string): void {
      sink.write(`<${priority(destination.lastLevel)}>${line}`);
    },
  };
  return destination;
}

function priority(level: number): number {
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}
