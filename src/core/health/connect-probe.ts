/**
 * A probe without a request (features P1, `mode: connect`): a connection of its own is made to the target,
 * for TLS with the whole handshake and the check of the certificate, and closed again. For servers that
 * answer no OPTIONS. It proves less: that something accepts connections there, not that it speaks SIP.
 *
 * At most one is in the making for each way. A probe that starts meanwhile (while silence is counted) waits
 * for the same one: the kernel repeats what is lost, and a thousand dead servers must not take the places of
 * registrations that connect.
 */
import { type Fault, fault, type Result } from '../base/fault.ts';
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { Timer } from '../base/timer-queue.ts';
import type { Flow } from '../sip/transport/ports.ts';
import type { Exchange } from '../sip/user-agent/ports.ts';
import type { Asker, AskerPorts } from './asker.ts';
import type { ProbeWay } from './options-probe.ts';
import type { ProbeOutcome } from './verdict.ts';

const LATE: Fault = fault('timeout.connect', 'peer');
const DONE: Fault = fault(
  'cancelled',
  'local',
  'The connection was made to see whether it can be.',
);

export class ConnectProbe implements Asker {
  readonly isPaced = false;
  readonly #way: ProbeWay;
  readonly #ports: AskerPorts;
  /** Probes that wait for the connection in the making. */
  readonly #waiting = new Set<(result: Result<Flow>) => void>();
  #isConnecting = false;
  /** When the last one was begun. */
  #since: Instant;
  #connections = 0;

  constructor(way: ProbeWay, ports: AskerPorts) {
    this.#way = way;
    this.#ports = ports;
    this.#since = ports.clock.now();
  }

  ask(timeoutMs: number, receive: (outcome: ProbeOutcome) => void): Exchange {
    const { clock, timers } = this.#ports;
    const end = (outcome: ProbeOutcome): void => {
      leave();
      receive(outcome);
    };
    const connected = (result: Result<Flow>): void => {
      const rttMs = elapsedMs(this.#since, clock.now());
      if (!result.ok) end(failed(result.fault));
      else end(rttMs > timeoutMs ? failed(LATE) : { kind: 'connected', rttMs });
    };
    const limit = new Timer(() => end(failed(LATE)));
    const leave = (): void => {
      timers.disarm(limit);
      this.#waiting.delete(connected);
    };
    timers.arm(limit, after(clock.now(), timeoutMs));
    this.#waiting.add(connected);
    if (!this.#isConnecting) this.#connect();
    return { cancel: leave };
  }

  #connect(): void {
    const { target, localSocket, tls } = this.#way;
    const { clock, connector } = this.#ports;
    this.#isConnecting = true;
    this.#since = clock.now();
    this.#connections += 1;
    // An owner of its own: a connection that is there already would prove nothing.
    const owner = `probe ${this.#connections}`;
    const policy = target.protocol === 'tls' ? tls : undefined;
    connector.open({ target, localSocket, tls: policy, owner }, (result) => {
      this.#isConnecting = false;
      if (result.ok) connector.close(result.value, DONE);
      for (const connected of [...this.#waiting]) connected(result);
    });
  }
}

function failed(reason: Fault): ProbeOutcome {
  return { kind: 'failed', fault: reason, wasSent: reason.blame !== 'local', requests: 0 };
}
