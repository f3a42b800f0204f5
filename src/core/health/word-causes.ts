/**
 * Why the word about a server is as it is: everything that has a say in it, the decisive thing first.
 * People, then registrations, then flapping, then what its probes say; and last what softens the word.
 */
import type { Cause } from '../base/cause.ts';
import { elapsedMs, type Instant } from '../base/instant.ts';
import { causeOfAdmin, causeOfLookup, causeOfState, causeOfVoid, healthCause } from './causes.ts';
import { decisiveOrder, type Order } from './order.ts';
import type { PeerServer } from './peer-server.ts';
import type { ProbeUnit } from './probe-unit.ts';

/** Empty while nothing is known. */
export function causesOf(server: PeerServer): readonly Cause[] {
  const causes: Cause[] = [];
  const { admin, host, pool, word } = server;
  const now = host.now();
  if (admin !== 'up') causes.push(adminCause(server, now));
  if (host.requirementOf(server) === 'unmet') causes.push(...host.requirementCauses(server));
  const { barredUntil } = server;
  if (barredUntil !== undefined && word.fit && !word.enabled) {
    causes.push(healthCause('probe.flapping', flappingText(elapsedMs(now, barredUntil))));
  }
  const probing = causeOfProbes(server);
  if (probing !== undefined && admin !== 'off') causes.push(probing);
  if (server.backSince !== undefined && word.enabled) {
    const text = `It came back not long ago, and has a weight of ${server.weight} out of ${server.spec.weight}.`;
    causes.push(healthCause('slowStart.running', text));
  }
  const { freeze } = host;
  // What its probes say may be this already.
  if (freeze !== undefined && !causes.some(({ code }) => code === freeze.cause.code)) {
    causes.push(causeOfVoid(freeze.cause));
  }
  if (word.lastResort && !word.enabled) {
    causes.push(healthCause(pool.isPanic ? 'contract.panic' : 'contract.allDown'));
  }
  return causes;
}

/** What its probes say, or why there are none; undefined while nothing is known. */
export function causeOfProbes(server: PeerServer): Cause | undefined {
  const { spec, units, word, lookupFault } = server;
  if (spec.probe.mode === 'off') return healthCause('probe.off');
  if (units.length === 0) return lookupFault && causeOfLookup(lookupFault);
  const { state } = word;
  const decisive =
    state === 'unknown'
      ? (units.find((unit) => unit.state.isMute) ?? units[0])
      : units.find((unit) => unit.state.name === state);
  const cause = decisive === undefined ? undefined : causeOfUnit(decisive, server.host.now());
  if (cause === undefined || decisive === undefined || units.length === 1) return cause;
  return { ...cause, text: `${decisive.targetKey}: ${cause.text}` };
}

function adminCause(server: PeerServer, now: Instant): Cause {
  const { admin, pool, spec } = server;
  const order = decisiveOrder(
    { configured: pool.spec.admin, order: pool.orderSlot.order },
    { configured: spec.admin, order: server.orderSlot.order },
  );
  const cause = causeOfAdmin(admin === 'off' ? 'off' : 'drain');
  return order === undefined ? cause : orderCause(cause, order, now);
}

function orderCause(cause: Cause, { command, by, reason, until }: Order, now: Instant): Cause {
  const said = reason === '' ? '' : `: ${reason}`;
  const text = `An operator commanded ${command} (${by})${said}.`;
  const end = until === undefined ? '' : `, or in ${spanText(elapsedMs(now, until))} by itself`;
  return { ...cause, text, next: `The configuration counts again after \`up\`${end}.` };
}

function flappingText(leftMs: number): string {
  return `The server answers, but went down and up so often that it is held back for another ${spanText(leftMs)}.`;
}

function spanText(ms: number): string {
  const sec = Math.max(1, Math.round(ms / 1000));
  return sec < 120 ? `${sec} s` : `${Math.round(sec / 60)} min`;
}

function causeOfUnit({ state, plan }: ProbeUnit, now: Instant): Cause | undefined {
  const { voidFault, voidSince, name } = state;
  if (voidFault?.code.startsWith('transport.') === true && voidSince !== undefined) {
    const span = spanText(elapsedMs(voidSince, now));
    const text = `No probe has left this machine for ${span}: ${voidFault.text}`;
    return causeOfVoid({ ...voidFault, text });
  }
  // Its last verdict stands, and is nothing to rely on while no probe proves anything; an answer that the
  // policy leaves out of account is one all the same.
  if (voidFault !== undefined && (name === 'unknown' || voidFault.code !== 'probe.ignored')) {
    return causeOfVoid(voidFault);
  }
  return causeOfState(state.name, state.reason, state.failures, plan);
}
