/** What a webhook is told, and how it can tell that it was we (HMAC). */
import { createHmac } from 'node:crypto';
import type { HealthEvent } from '../core/health/events.ts';
import { type ConsumerPorts, type ContractChoice, isChosen } from './ports.ts';
import { causeRow, isoTime } from './verdict-rows.ts';

/** Undefined: nothing that leaves the house. */
export function messageOf(
  event: HealthEvent,
  ports: ConsumerPorts,
  choice: ContractChoice,
): Readonly<Record<string, unknown>> | undefined {
  const { type } = event;
  const at = () => isoTime(ports, event.at);
  switch (type) {
    case 'peerServer.changed': {
      const { spec, from, state, enabled, wasEnabled, lastResort, cause } = event;
      if (!isChosen(choice, spec.contract)) return undefined;
      const { id: peerServer, contract, labels } = spec;
      const was = { from, wasEnabled };
      const now = { state, enabled, lastResort, cause: causeRow(cause) };
      return { type, at: at(), contract, peerServer, labels, ...was, ...now };
    }
    case 'peeringContract.changed': {
      const { contract, enabled, was, offers } = event;
      return isChosen(choice, contract)
        ? { type, at: at(), contract, was, enabled, offers }
        : undefined;
    }
    case 'peerServer.noticed': {
      const { contract, peerServer: name, cause } = event;
      if (!isChosen(choice, contract)) return undefined;
      const peerServer = `${contract}/${name}`;
      return { type, at: at(), contract, peerServer, cause: causeRow(cause) };
    }
    // Of all contracts together, so that everybody is told.
    case 'verdicts.frozen': {
      const { isFrozen: frozen, cause, until } = event;
      const ordered = cause.code === 'ownFault.ordered';
      const end = until === undefined ? null : isoTime(ports, until);
      const why = { code: cause.code, text: cause.text };
      const word = { frozen, ordered, networkSuspect: frozen && !ordered };
      return { type, at: at(), ...word, until: end, cause: why };
    }
    default:
      return undefined;
  }
}

/** `t=SECONDS,v1=HEX`: HMAC-SHA-256 of `SECONDS.BODY`, so that an old message cannot be sent again as a new one. */
export function signature(secret: string, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const hex = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${hex}`;
}
