/**
 * How the target of one way is asked: by an OPTIONS request (with its credentials, where the server wants
 * them), or by a connection that is made and closed again (connect-probe.ts). Which of them, `mode` says.
 */
import { DigestSession } from '../sip/digest/session.ts';
import type { Exchange } from '../sip/user-agent/ports.ts';
import { ConnectProbe } from './connect-probe.ts';
import { cseqOf, OptionsProbe, type ProbeWay } from './options-probe.ts';
import type { UnitPorts } from './unit-ports.ts';
import type { ProbeOutcome } from './verdict.ts';

export interface Asker {
  /** It sends requests, and the pacer grants them. */
  readonly isPaced: boolean;
  /** Asks once. `receive` is called once, never before this returns, and not after `cancel`. */
  ask(timeoutMs: number, receive: (outcome: ProbeOutcome) => void): Exchange;
}

/** A question under way. */
export interface RunningProbe {
  readonly id: number;
  readonly exchange: Exchange;
}

export type AskerPorts = Pick<
  UnitPorts,
  'clock' | 'timers' | 'random' | 'hasher' | 'userAgent' | 'connector'
>;

/**
 * `lane`: the pacer's, made once. `alternatives`: further addresses that answers may come from when
 * `sourceCheck` is `set`.
 */
export function askerOf(
  way: ProbeWay,
  lane: string,
  ports: AskerPorts,
  alternatives: () => readonly string[],
): Asker {
  if (way.plan.mode === 'connect') return new ConnectProbe(way, ports);
  return new OptionsAsker(way, lane, ports, alternatives);
}

const NO_ADDRESSES: readonly string[] = [];

class OptionsAsker implements Asker {
  readonly isPaced = true;
  readonly #way: ProbeWay;
  readonly #lane: string;
  readonly #ports: AskerPorts;
  readonly #alternatives: () => readonly string[];
  readonly #probe: OptionsProbe;
  readonly #tail: OptionsProbe['tail'];
  /** Where the provider asks for credentials; they are kept by all probes of the way. */
  readonly #session: DigestSession | undefined;

  constructor(
    way: ProbeWay,
    lane: string,
    ports: AskerPorts,
    alternatives: () => readonly string[],
  ) {
    this.#way = way;
    this.#lane = lane;
    this.#ports = ports;
    this.#alternatives = alternatives;
    this.#probe = new OptionsProbe(way);
    this.#tail = (flow) => this.#probe.tail(flow);
    const { credentials, digest } = way;
    this.#session =
      credentials && new DigestSession(credentials, ports.hasher, ports.random, digest);
  }

  ask(timeoutMs: number, receive: (outcome: ProbeOutcome) => void): Exchange {
    const way = this.#way;
    const { random, userAgent } = this.#ports;
    // Through a proxy answers come from the proxy.
    const isSet = way.sourceCheck === 'set' && way.target.via === undefined;
    return userAgent.start(
      {
        template: this.#probe.next(random),
        tail: this.#tail,
        target: way.target,
        lane: this.#lane,
        route: way.route,
        alternatives: isSet ? this.#alternatives() : NO_ADDRESSES,
        sourceCheck: way.sourceCheck,
        localSocket: way.localSocket,
        tls: way.target.protocol === 'tls' ? way.tls : undefined,
        nextCseq: cseqOf(this.#session),
        session: this.#session,
        timeoutMs,
      },
      receive,
    );
  }
}
