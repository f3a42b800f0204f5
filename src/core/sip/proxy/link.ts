/**
 * Keeper of one SIP proxy of ours: asks it by OPTIONS (RFC 3261 section 11), feeds its machine, and
 * tells whoever sends through it whether it lives. Made and stopped by own-proxies.ts.
 */
import type { Cause } from '../../base/cause.ts';
import type { Clock } from '../../base/clock.ts';
import { type Fault, fault } from '../../base/fault.ts';
import { after, elapsedMs, type Instant } from '../../base/instant.ts';
import type { Random } from '../../base/random.ts';
import { Timer, type TimerQueue } from '../../base/timer-queue.ts';
import type { Locator } from '../locate/ports.ts';
import { type Target, targetKey } from '../locate/target.ts';
import { readableText } from '../message/wire-text.ts';
import type { Exchange, ExchangeOutcome, UserAgentPort } from '../user-agent/ports.ts';
import { type ProxySnapshot, proxySilent } from './events.ts';
import { newProxyState, type ProxyInput, type ProxyMachineState, stepProxy } from './machine.ts';
import { proxyProbe } from './options.ts';
import type { OwnProxy, ProxySpec } from './ports.ts';

const INTERVAL_MS = 2_000;
const SILENT_INTERVAL_MS = 1_000;
/** Three sendings over UDP. */
const TIMEOUT_MS = 1_500;
/** However often the way to it breaks. */
const LEAST_GAP_MS = 250;
/** A locator answers long before. */
const LOCATE_LIMIT_MS = 10_000;
const MOST_TEXT_CHARS = 64;
const UNREACHABLE: Fault = fault(
  'transport.closed',
  'local',
  'The connection to it was refused or lost.',
);

export interface LinkPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly locator: Locator;
  readonly userAgent: UserAgentPort;
  changed(link: ProxyLink, before: ProxyMachineState, isRestarted: boolean): void;
}

export class ProxyLink implements OwnProxy {
  spec: ProxySpec;
  readonly #ports: LinkPorts;
  readonly #timer = new Timer(() => this.#probe());
  #state: ProxyMachineState;
  #exchange: Exchange | undefined;
  /** Rises with each probe, so that the late answer of a locator is known as such. */
  #probes = 0;
  #asked: Target | undefined;
  #answeredAt: Target | undefined;
  #sentAt: Instant;
  #heardAt: Instant | undefined;
  #rttMs: number | undefined;
  #lastResponse: ProxySnapshot['lastResponse'];
  #vouchers: ((wasAlive: boolean) => void)[] = [];

  constructor(spec: ProxySpec, ports: LinkPorts) {
    this.spec = spec;
    this.#ports = ports;
    const now = ports.clock.now();
    this.#state = newProxyState(now);
    this.#sentAt = after(now, -LEAST_GAP_MS);
    ports.timers.arm(this.#timer, now);
  }

  get target(): Target | undefined {
    return this.#state.name === 'up' ? this.#answeredAt : undefined;
  }

  /** Another address, socket or contact: the next probe goes there. */
  change(spec: ProxySpec): void {
    this.spec = spec;
    this.#exchange?.cancel();
    this.#exchange = undefined;
    this.probeNow();
  }

  stop(): void {
    this.#ports.timers.disarm(this.#timer);
    this.#probes += 1;
    this.#exchange?.cancel();
    this.#exchange = undefined;
    this.#answerVouchers(false);
  }

  /** Asks it now, or as soon as a former question has its answer. */
  probeNow(): void {
    if (this.#exchange === undefined) this.#armAfterGap(LEAST_GAP_MS);
  }

  heard(at: Instant): void {
    this.#heardAt = at;
    if (this.#state.unanswered > 0) this.#feed({ kind: 'heard' });
    if (this.#vouchers.length > 0 && this.#state.name === 'up') this.#answerVouchers(true);
  }

  unreachable(): void {
    this.#feed({ kind: 'unreachable', fault: UNREACHABLE });
    this.probeNow();
  }

  vouch(since: Instant, receive: (wasAlive: boolean) => void): void {
    const { name, unanswered } = this.#state;
    if (name === 'silent') {
      receive(false);
    } else if (unanswered === 0 && this.#heardAt !== undefined && this.#heardAt >= since) {
      receive(true);
    } else {
      this.#vouchers.push(receive);
      this.probeNow();
    }
  }

  snapshot(): ProxySnapshot {
    const { name: state, since } = this.#state;
    const target = this.#answeredAt ?? this.#asked;
    return {
      spec: this.spec,
      state,
      since,
      cause: this.cause(),
      target: target === undefined ? undefined : targetKey(target),
      rttMs: this.#rttMs,
      lastResponse: this.#lastResponse,
      nextProbeAt: this.nextProbeAt,
    };
  }

  get nextProbeAt(): Instant | undefined {
    return this.#timer.isArmed ? this.#timer.deadline : undefined;
  }

  get state(): ProxyMachineState {
    return this.#state;
  }

  /** Why it is as it is; undefined while it answers, or was not asked yet. */
  cause(): Cause | undefined {
    const { name, reason } = this.#state;
    return name === 'silent' ? proxySilent(this.spec.name, reason) : undefined;
  }

  #probe(): void {
    const { clock, timers, locator } = this.#ports;
    const now = clock.now();
    this.#sentAt = now;
    this.#probes += 1;
    const probe = this.#probes;
    // In case that no answer ever comes.
    timers.arm(this.#timer, after(now, LOCATE_LIMIT_MS));
    locator.locate(this.spec.hop, (result) => {
      if (this.#probes !== probe) return;
      if (result.ok) this.#ask(result.value);
      else this.#failed(result.fault);
    });
  }

  #ask(targets: readonly Target[]): void {
    const { userAgent, random } = this.#ports;
    const target = targets[this.#state.unanswered % targets.length];
    if (target === undefined) return;
    const { spec } = this;
    this.#asked = target;
    this.#exchange = userAgent.start(
      {
        ...proxyProbe(spec, target, random),
        target,
        alternatives: [],
        sourceCheck: 'host',
        localSocket: spec.localSocket,
        tls: target.protocol === 'tls' ? spec.tls : undefined,
        nextCseq: () => 1,
        session: undefined,
        timeoutMs: TIMEOUT_MS,
        // Not in the pace of the calls' side: two small requests in a few seconds, to ourselves.
        lane: spec.name,
      },
      (outcome) => this.#ended(target, outcome),
    );
  }

  #ended(target: Target, outcome: ExchangeOutcome): void {
    this.#exchange = undefined;
    if (outcome.kind === 'failed') {
      this.#failed(outcome.fault);
      return;
    }
    const { response, status, rttMs } = outcome;
    const now = this.#ports.clock.now();
    this.#heardAt = now;
    this.#answeredAt = target;
    this.#rttMs = rttMs;
    const reason = readable(response.reason);
    if (this.#lastResponse?.code !== status || this.#lastResponse.reason !== reason) {
      this.#lastResponse = { code: status, reason };
    }
    const incarnation = response.first('x-trunkd-incarnation');
    this.#ports.timers.arm(this.#timer, after(now, INTERVAL_MS));
    this.#feed({
      kind: 'answered',
      incarnation: incarnation === undefined ? undefined : readable(incarnation),
    });
    this.#answerVouchers(true);
  }

  #failed(reason: Fault): void {
    this.#feed({ kind: 'unanswered', fault: reason });
    const isSilent = this.#state.name === 'silent';
    this.#armAfterGap(isSilent ? SILENT_INTERVAL_MS : LEAST_GAP_MS);
  }

  /** The next question, so long after the last one at least. */
  #armAfterGap(gapMs: number): void {
    const { clock, timers } = this.#ports;
    const now = clock.now();
    const waitMs = Math.max(0, gapMs - elapsedMs(this.#sentAt, now));
    timers.arm(this.#timer, after(now, waitMs));
  }

  #feed(input: ProxyInput): void {
    const before = this.#state;
    const { state, restarted } = stepProxy(before, input, this.#ports.clock.now());
    this.#state = state;
    if (state.name !== before.name || restarted) this.#ports.changed(this, before, restarted);
    if (state.name === 'silent') this.#answerVouchers(false);
  }

  #answerVouchers(wasAlive: boolean): void {
    const vouchers = this.#vouchers;
    if (vouchers.length === 0) return;
    this.#vouchers = [];
    for (const receive of vouchers) receive(wasAlive);
  }
}

/** Text of the proxy for people and for comparing: bounded and printable. */
function readable(wire: string): string {
  return readableText(wire.slice(0, MOST_TEXT_CHARS));
}
