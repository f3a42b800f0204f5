import type { Cause } from '../../base/cause.ts';
import { FAULT_CODES, type Fault } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import type { ProxyState } from './machine.ts';
import type { ProxySpec } from './ports.ts';

/** A proxy of ours began to answer, fell silent, or was restarted (`isRestarted`, then mostly up to up). */
export interface ProxyEvent {
  readonly type: 'proxy.changed';
  readonly at: Instant;
  readonly proxy: string;
  readonly from: ProxyState;
  readonly state: ProxyState;
  readonly isRestarted: boolean;
  readonly cause: Cause | undefined;
}

/** What is shown of one proxy of ours. */
export interface ProxySnapshot {
  readonly spec: ProxySpec;
  readonly state: ProxyState;
  readonly since: Instant;
  readonly cause: Cause | undefined;
  /** targetKey of where it answered last, or was asked. */
  readonly target: string | undefined;
  readonly rttMs: number | undefined;
  readonly lastResponse: { readonly code: number; readonly reason: string } | undefined;
  readonly nextProbeAt: Instant | undefined;
}

/** What observers may ask. */
export interface ProxyBook {
  names(): Iterable<string>;
  snapshot(name: string): ProxySnapshot | undefined;
}

/** Why everything behind a proxy of ours waits. */
export function proxySilent(name: string, reason: Fault | undefined): Cause {
  const why = reason === undefined ? '' : ` ${reason.text}`;
  return {
    code: 'proxy.silent',
    blame: 'local',
    text: `Our own proxy ${name} does not answer.${why}`,
    next: 'It is asked every second; what lies behind it waits, keeps its verdict, and follows in turn when it answers. Check that it runs.',
  };
}

export function silentFault(name: string): Fault {
  const text = `Our own proxy ${name} does not answer: ${FAULT_CODES['proxy.silent']}`;
  return { code: 'proxy.silent', blame: 'local', text };
}

/** `answer`: what the proxy said in place of the target. */
export function hopFault(name: string, target: string, answer: string): Fault {
  const text = `Our own proxy ${name} answered ${answer} by itself: it got nothing from ${target}.`;
  return { code: 'proxy.hopFailed', blame: 'peer', text };
}
