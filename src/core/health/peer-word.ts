/**
 * The final word about a peer server, out of what is known of its targets and what people want (design.md 4
 * and 5). Pure.
 *
 *   state: the best of its targets: up, impaired, unknown, down; with `upWhen` the best that so many of
 *          them reach. Targets that never answered, or that we cannot probe at all, count only where
 *          there are no others: a host may have an IPv6 address that nobody can use
 *   fit:   unknown, up, impaired; never when down, drained, off, or without the registrations that it requires
 *   enabled: fit, and not held back for its flapping
 *   lastResort: enabled, but it never answered a probe; or not enabled, like (nearly) all of its contract,
 *               and `onAllDown: tryAll` offers whatever is not drained or off
 *
 * A consumer sends calls to the enabled ones that are no last resort, then to the last resorts.
 */
import type { Fault } from '../base/fault.ts';
import type { PeerState } from './events.ts';
import type { Requirement } from './requirements.ts';
import type { Admin, PeerServerSpec, Quorum } from './spec.ts';

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
  readonly requirement: Requirement;
  /** It came back too often; false where its contract has nothing better. */
  readonly isHeldBack: boolean;
  /** True when too few servers of the contract are enabled, and `onAllDown` is tryAll. */
  readonly isTryAll: boolean;
}

export interface PeerWord {
  readonly state: PeerState;
  /** It could be enabled, were it not held back for its flapping. */
  readonly fit: boolean;
  readonly enabled: boolean;
  readonly lastResort: boolean;
  /** It never answered, though it was asked often enough. */
  readonly isMute: boolean;
  /** All its probes fail on our side. */
  readonly isVoid: boolean;
  /** Some of its targets are down, but not so many that it is. */
  readonly isPartial: boolean;
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
  const { spec, admin, targets, isLost, requirement, isHeldBack, isTryAll } = facts;
  const probed = isProbed(spec, admin);
  const telling = targets.filter(isTelling);
  const state = probed ? reachedState(telling, spec.upWhen) : 'unknown';
  const isMute = probed && telling.length === 0 && (isLost || targets.some((one) => one.isMute));
  const isOut = state === 'down' || (isMute && spec.whenNeverUp === 'disabled');
  const fit = admin === 'up' && !isOut && requirement !== 'unmet';
  const enabled = fit && !isHeldBack;
  const lastResort = admin === 'up' && (enabled ? isMute : isTryAll);
  const isVoid = probed && telling.length === 0 && targets.length > 0 && !isMute;
  const isPartial = probed && state !== 'down' && telling.some(({ name }) => name === 'down');
  return { state, fit, enabled, lastResort, isMute, isVoid, isPartial };
}

export function rankOf({ enabled, lastResort }: Pick<PeerWord, 'enabled' | 'lastResort'>): Rank {
  if (lastResort) return 1;
  return enabled ? 0 : 2;
}

/** May calls go to one target of a server? To all of them where it is offered though it is down. */
export function isTargetEnabled(target: TargetFacts, word: PeerWord): boolean {
  if (rankOf(word) === 2) return false;
  return target.name !== 'down' || word.state === 'down';
}

/** How many of a contract's servers are enabled; a contract without servers lacks none. */
export function rollUp(enabled: number, servers: number): 'all' | 'some' | 'none' {
  if (enabled === servers) return 'all';
  return enabled === 0 ? 'none' : 'some';
}

/** How many of `count` a quorum wants: at least one, at most all. */
export function quorumOf(quorum: Quorum, count: number): number {
  const wanted =
    quorum.kind === 'percent' ? Math.ceil((quorum.percent / 100) * count) : quorum.count;
  return Math.max(1, Math.min(wanted, count));
}

/** The best state that as many of the targets as are wanted are in, or in a better one. */
function reachedState(targets: readonly TargetFacts[], upWhen: Quorum | undefined): PeerState {
  const wanted = upWhen === undefined ? 1 : quorumOf(upWhen, targets.length);
  let reached = 0;
  for (const state of BEST_FIRST) {
    reached += targets.filter(({ name }) => name === state).length;
    if (reached >= wanted) return state;
  }
  return 'unknown';
}

function isTelling({ name, isMute, voidFault }: TargetFacts): boolean {
  return name !== 'unknown' || (!isMute && voidFault === undefined);
}
