/**
 * What is allowed and still deserves a word before the daemon runs with it: registrations that the
 * pacing cannot refresh in time, contracts without failover, weak passwords on open wires. One line
 * for each kind and contract, however many registrations it concerns.
 */
import type { RegistrationProfile, RegistrationSpec } from '../core/registration/spec.ts';
import type { NextHop } from '../core/sip/locate/target.ts';
import type { DaemonSpec } from './daemon-spec.ts';
import type { ItemPlaces } from './load-contract.ts';
import type { PathStep, Place } from './problem.ts';
import type { Reporter } from './reporter.ts';

interface Facts {
  readonly worldReadable: ReadonlySet<string>;
  /** No contract was left out for its problems. */
  readonly isWhole: boolean;
}

/** Warns; changes and refuses nothing. */
export function checkSpec(
  spec: DaemonSpec,
  reporter: Reporter,
  places: ItemPlaces,
  { worldReadable, isWhole }: Facts,
): void {
  const warn = (path: readonly PathStep[], text: string) =>
    reporter.warn(reporter.place(path), path, text);
  if (isWhole && spec.contracts.length === 0)
    warn([], 'there is no peering contract: nothing to do');
  // The daemon has a line of its own for it, and systemd sets the variable unasked.
  if (spec.stateDirectory !== undefined && reporter.isCheck) {
    warn(['state'], 'a state directory is accepted, and not used by this release');
  }
  for (const file of worldReadable) warn([], `everybody on this machine can read ${file}`);
  checkContracts(spec, places, warn);
  checkPeerTls(spec, places, warn);
  checkRegistrations(spec, reporter, places);
  checkPacing(spec, reporter, places);
}

type Warn = (path: readonly PathStep[], text: string) => void;

function checkContracts(spec: DaemonSpec, places: ItemPlaces, warn: Warn): void {
  for (const [index, contract] of spec.contracts.entries()) {
    const path = places.contracts[index];
    if (path === undefined || contract.peerServers.length !== 1) continue;
    warn(
      [...path, 'peerServers'],
      `the contract '${contract.name}' has one peer server: no failover`,
    );
  }
}

function checkPeerTls(spec: DaemonSpec, places: ItemPlaces, warn: Warn): void {
  for (const contract of spec.contracts) {
    for (const { id, tls } of contract.peerServers) {
      const path = places.peerServers.get(id);
      if (tls.verify === 'strict' || path === undefined) continue;
      warn(
        path,
        `the certificate of the peer server '${id}' is not enforced (tls.verify: ${tls.verify})`,
      );
    }
  }
}

/** One kind of finding about registrations, counted for each contract. */
class Tally {
  readonly #found = new Map<string, { readonly first: number; count: number }>();

  add(contract: string, index: number): void {
    const entry = this.#found.get(contract);
    if (entry === undefined) this.#found.set(contract, { first: index, count: 1 });
    else entry.count += 1;
  }

  tell(reporter: Reporter, places: ItemPlaces, text: string): void {
    for (const [contract, { first, count }] of this.#found) {
      const place: Place = places.registrations.at(first);
      const who = count === 1 ? 'a registration' : `${count} registrations, this one first,`;
      reporter.warn(place, [], `${who} of the contract '${contract}' ${text}`);
    }
  }
}

function checkRegistrations(spec: DaemonSpec, reporter: Reporter, places: ItemPlaces): void {
  const weak = new Tally();
  const unverified = new Tally();
  for (const [index, registration] of spec.registrations.entries()) {
    const { profile } = registration;
    const legs = profile.legs?.profiles ?? [profile];
    if (legs.some(({ tls }) => tls.verify !== 'strict')) unverified.add(profile.contract, index);
    const isReadable = legs.some(({ hop }) => !isTls(hop));
    if (isReadable && hasWeakPassword(registration)) weak.add(profile.contract, index);
  }
  weak.tell(
    reporter,
    places,
    'with a password that is shorter than 12 characters or the user name itself, over UDP or TCP: a listener can find it out',
  );
  unverified.tell(reporter, places, 'with a certificate that is not enforced (tls.verify)');
}

function hasWeakPassword({ username, credentials }: RegistrationSpec): boolean {
  const password = credentials.password?.reveal();
  // An empty one could not be read, which is told elsewhere.
  if (password === undefined || password === '') return false;
  return password.length < 12 || password === username || password === credentials.username;
}

function isTls(hop: NextHop): boolean {
  return hop.protocol === 'tls' || hop.secure;
}

interface Load {
  /** Requests a second. */
  rate: number;
  readonly first: number;
  count: number;
}

/** Compares the refreshes that fall due with what the pacing lets through, for each next hop. */
function checkPacing(spec: DaemonSpec, reporter: Reporter, places: ItemPlaces): void {
  const { perTarget, max } = spec.pacing;
  if (perTarget === 0) return;
  const loads = new Map<string, Load>();
  for (const [profile, share] of countByProfile(spec.registrations)) {
    // Each leg has refreshes of its own; a serial one when it is needed.
    for (const leg of profile.legs?.profiles ?? [profile]) addLoad(loads, leg, share);
  }
  for (const [hop, { rate, first, count }] of loads) {
    if (rate <= max) continue;
    const needed = rate.toFixed(1);
    const text = `${count} registrations at ${hop} need up to ${needed} requests a second, and pacing allows ${max}: some may lapse`;
    reporter.warn(places.registrations.at(first), ['pacing'], text);
  }
}

function addLoad(
  loads: Map<string, Load>,
  { admin, expiresSec, hop }: RegistrationProfile,
  { first, count }: Share,
): void {
  if (admin !== 'up') return;
  const rate = (count * REQUESTS_PER_REFRESH) / shortestRefreshSec(expiresSec);
  const key = `${hop.protocol ?? 'auto'}:${hop.host}:${hop.port ?? ''}`;
  const load = loads.get(key);
  if (load === undefined) loads.set(key, { rate, first, count });
  else {
    load.rate += rate;
    load.count += count;
  }
}

interface Share {
  readonly first: number;
  count: number;
}

/** How many registrations share each profile; neighbours mostly do. */
function countByProfile(
  registrations: readonly RegistrationSpec[],
): ReadonlyMap<RegistrationProfile, Share> {
  const shares = new Map<RegistrationProfile, Share>();
  for (const [index, { profile }] of registrations.entries()) {
    const share = shares.get(profile);
    if (share === undefined) shares.set(profile, { first: index, count: 1 });
    else share.count += 1;
  }
  return shares;
}

/** Registrars that give a nonce once ask for credentials at every refresh. */
const REQUESTS_PER_REFRESH = 2;

/** The earliest moment of a refresh: expiry less margin less its spread (a tenth). */
function shortestRefreshSec(expiresSec: number): number {
  const marginSec = Math.min(expiresSec / 2, Math.max(expiresSec / 10, 90));
  return expiresSec - marginSec - expiresSec / 10;
}
