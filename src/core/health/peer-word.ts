/**
 * The final word about a peer server, out of what is known of its targets and what people want (design.md 4
 * and 5). Pure.
 *
 *   state: the best of its targets: up, impaired, unknown, down. Targets that never answered, or that we
 *          cannot probe at all, count only where there are no others: a host may have an IPv6
 *          address that nobody can use
 *   enabled: unknown, up, impaired; never when down, drained, off
 *   lastResort: enabled, but it never answered a probe; or not enabled, like all of its contract, and
 *               `onAllDown: tryAll` offers whatever is not drained or off
 *
 * A consumer sends calls to the enabled ones that are no last resort, then to the last resorts.
 */
import type { Fault } from '../base/fault.ts';
import type { PeerState } from './events.ts';
import type { Admin, PeerServerSpec } from './spec.ts';

/** 0 enabled, 1 a last resort, 2 not offered: lower ones come first. */
export type Rank = 0 | 1 | 2;

/** What the word needs of one target. */
export interface TargetFacts {
  readonly name: PeerState;
  readonly isMute: boolean;
  /** Set while nothing can be said of it, since probing it fails on our side. */
  readonly voidFault: Fault | undefined;
}

export interface PeerFacts {
  readonly spec: PeerServerSpec;
  readonly admin: Admin;
  readonly targets: readonly TargetFacts[];
  /** True when its name did not resolve, and no address of it is known. */
  readonly isLost: boolean;
  /** True when no server of the contract is enabled, and `onAllDown` is tryAll. */
  readonly isTryAll: boolean;
}

export interface PeerWord {
  readonly state: PeerState;
  readonly enabled: boolean;
  readonly lastResort: boolean;
  /** It never answered, though it was asked often enough. */
  readonly isMute: boolean;
  /** All its probes fail on our side. */
  readonly isVoid: boolean;
}

const STRICTNESS: Readonly<Record<Admin, number>> = { up: 0, drain: 1, off: 2 };
const BEST_FIRST: readonly PeerState[] = ['up', 'impaired', 'unknown', 'down'];

/** The stricter of what contract and server are set to. */
export function stricter(a: Admin, b: Admin): Admin {
  return STRICTNESS[a] >= STRICTNESS[b] ? a : b;
}

/** Probes go there at all: not to what is switched off or not to be probed. */
export function isProbed(spec: PeerServerSpec, admin: Admin): boolean {
  return spec.probe.mode !== 'off' && admin !== 'off';
}

export function wordOf(facts: PeerFacts): PeerWord {
  const { spec, admin, targets, isLost, isTryAll } = facts;
  const probed = isProbed(spec, admin);
  const telling = targets.filter(isTelling);
  const state = probed ? bestState(telling) : 'unknown';
  const isMute = probed && telling.length === 0 && (isLost || targets.some((one) => one.isMute));
  const isOut = state === 'down' || (isMute && spec.whenNeverUp === 'disabled');
  const enabled = admin === 'up' && !isOut;
  const lastResort = admin === 'up' && (enabled ? isMute : isTryAll);
  const isVoid = probed && telling.length === 0 && targets.length > 0 && !isMute;
  return { state, enabled, lastResort, isMute, isVoid };
}

export function rankOf({ enabled, lastResort }: PeerWord): Rank {
  if (lastResort) return 1;
  return enabled ? 0 : 2;
}

/** May calls go to one target of a server? To all of them where it is offered though all are down. */
export function isTargetEnabled(target: TargetFacts, word: PeerWord): boolean {
  if (rankOf(word) === 2) return false;
  return target.name !== 'down' || word.state === 'down';
}

/** How many of a contract's servers are enabled; a contract without servers lacks none. */
export function rollUp(enabled: number, servers: number): 'all' | 'some' | 'none' {
  if (enabled === servers) return 'all';
  return enabled === 0 ? 'none' : 'some';
}

function bestState(targets: readonly TargetFacts[]): PeerState {
  return BEST_FIRST.find((state) => targets.some(({ name }) => name === state)) ?? 'unknown';
}

function isTelling({ name, isMute, voidFault }: TargetFacts): boolean {
  return name !== 'unknown' || (!isMute && voidFault === undefined);
}
