/**
 * Watches one request over a connection that was there already: it may be dead without anybody knowing (a NAT or a
 * firewall forgot it), and TCP itself takes a quarter of an hour to find out.
 *
 *   sent --half the time, nothing heard--> ping --the other half, nothing heard--> closed
 *
 * The time is 10 s, or that of the request where it is shorter; its own end closes the connection then (UserAgent).
 * Everything that is bound over the connection is bound again when it is closed, which one slow answer must not cost:
 * whoever answers pings (RFC 5626 section 4.4.1) is alive, however slow; and where slow answers are usual, they are
 * waited for.
 */
import { after, type Instant } from '../../base/instant.ts';
import { Timer, type TimerQueue } from '../../base/timer-queue.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import { DEAD_CONNECTION } from './exchange-faults.ts';

/** So long it may be silent under a request; a new one has just proved that it lives. */
const SILENCE_MS = 10_000;
/** Of what the target usually takes at most. */
const USUAL_FACTOR = 1.5;

export interface KeptSilencePorts {
  readonly timers: TimerQueue;
  readonly transport: TransportPort;
  /** True when nothing at all came in on the flow since then. */
  isQuietSince(flow: Flow, since: Instant): boolean;
}

export class KeptSilence {
  readonly #ports: KeptSilencePorts;
  readonly #flow: Flow;
  readonly #sentAt: Instant;
  readonly #limitMs: number;
  readonly #timeoutMs: number;
  readonly #timer = new Timer(() => this.#fire());
  #isAsked = false;

  /** `usualMs`: within that nearly every answer of the target comes; 0: it has always been quick. */
  constructor(
    ports: KeptSilencePorts,
    flow: Flow,
    sentAt: Instant,
    { timeoutMs, usualMs }: { readonly timeoutMs: number; readonly usualMs: number },
  ) {
    this.#ports = ports;
    this.#flow = flow;
    this.#sentAt = sentAt;
    this.#timeoutMs = timeoutMs;
    this.#limitMs = Math.min(timeoutMs, Math.max(SILENCE_MS, USUAL_FACTOR * usualMs));
    ports.timers.arm(this.#timer, after(sentAt, this.#limitMs / 2));
  }

  end(): void {
    this.#ports.timers.disarm(this.#timer);
  }

  /** What was heard on it meanwhile, by others perhaps, says that it lives. */
  #fire(): void {
    const { timers, transport } = this.#ports;
    if (!this.#flow.isOpen || !this.#ports.isQuietSince(this.#flow, this.#sentAt)) return;
    if (this.#isAsked) {
      transport.close(this.#flow, DEAD_CONNECTION);
      return;
    }
    this.#isAsked = true;
    transport.inquire(this.#flow);
    const isEarlier = this.#limitMs < this.#timeoutMs;
    if (isEarlier) timers.arm(this.#timer, after(this.#sentAt, this.#limitMs));
  }
}
