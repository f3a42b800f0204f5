/**
 * A probe without a request (features P1, `mode: connect`): a connection of its own is made to the target,
 * for TLS with the whole handshake and the check of the certificate, and closed again. For servers that
 * answer no OPTIONS. It proves less: that something accepts connections there, not that it speaks SIP.
 */
import { type Fault, fault } from '../base/fault.ts';
import { after, elapsedMs } from '../base/instant.ts';
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
  #asked = 0;

  constructor(way: ProbeWay, ports: AskerPorts) {
    this.#way = way;
    this.#ports = ports;
  }

  ask(timeoutMs: number, receive: (outcome: ProbeOutcome) => void): Exchange {
    const { clock, timers, connector } = this.#ports;
    const { target, localSocket, tls } = this.#way;
    const since = clock.now();
    let isOver = false;
    const end = (outcome: ProbeOutcome): void => {
      isOver = true;
      timers.disarm(limit);
      receive(outcome);
    };
    const failed = (reason: Fault): ProbeOutcome => {
      const wasSent = reason.blame !== 'local';
      return { kind: 'failed', fault: reason, wasSent, requests: 0 };
    };
    const limit = new Timer(() => end(failed(LATE)));
    timers.arm(limit, after(since, timeoutMs));
    this.#asked += 1;
    // An owner of its own: a connection that is there already would prove nothing.
    const owner = `probe ${this.#asked}`;
    const policy = target.protocol === 'tls' ? tls : undefined;
    connector.open({ target, localSocket, tls: policy, owner }, (result) => {
      if (result.ok) this.#close(result.value);
      if (isOver) return;
      if (!result.ok) end(failed(result.fault));
      else end({ kind: 'connected', rttMs: elapsedMs(since, clock.now()) });
    });
    return {
      cancel: () => {
        isOver = true;
        timers.disarm(limit);
      },
    };
  }

  #close(flow: Flow): void {
    this.#ports.connector.close(flow, DONE);
  }
}
