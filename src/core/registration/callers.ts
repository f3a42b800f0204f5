/**
 * Whose calls are they? Tells, for a request that arrived at us, for which registration it is; and over which
 * flow a registration can be reached. In this order:
 *
 *   1  the registration that our own Record-Route names (a request inside a dialog)
 *   2  the one whose Contact user (`ddi`) is the user of the Request-URI, then that of To
 *   3  the one whose `username` that is, if only one has it
 *   4  the only one that is bound over the connection on which it came
 *   5  the only one whose registrar is at the address that it came from
 *
 * None of these counts unless the request comes from that registration: over its flow, or from a target of
 * its registrar. Where several are left nothing is guessed: the call is relayed without a name.
 */
import { after, type Instant } from '../base/instant.ts';
import { toWire } from '../sip/message/wire-text.ts';
import type { Caller, CallerBook, CallHints } from '../sip/relay/ports.ts';
import type { Flow } from '../sip/transport/ports.ts';
import { seenOver } from './bound-flows.ts';
import { type Entry, registrationId } from './entry.ts';
import type { FlowWatch } from './flow-watch.ts';
import type { Registrar } from './registrar.ts';
import type { RegistrationSpec } from './spec.ts';
import { TargetGate } from './target-gate.ts';

/** What is found by walking over all registrations is used for so long. */
const KEPT_MS = 5_000;
const MAX_KEPT = 1_000;

interface Kept {
  readonly caller: Caller | undefined;
  readonly until: Instant;
}

/** Where the registrations are. */
export interface CallersView {
  readonly now: () => Instant;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly flows: FlowWatch;
  /** A registration, or its legs; none when it is unknown. */
  readonly entriesOf: (id: string) => readonly Entry[];
}

export class Callers implements CallerBook {
  #view: CallersView | undefined;
  /** Registration by Contact user or user name; null: several have it. */
  #byUser: ReadonlyMap<string, string | null> = new Map();
  readonly #byAddress = new Map<string, Kept>();

  /** The keeper shows itself. */
  watch(view: CallersView): void {
    this.#view = view;
  }

  /** Who can be called; nobody, where calls are not relayed, so that nothing is kept for them. */
  setMembers(specs: readonly RegistrationSpec[]): void {
    const byUser = new Map<string, string | null>();
    for (const { id, ddi } of specs) byUser.set(toWire(ddi), id);
    const names = new Map<string, string | null>();
    for (const { id, username, ddi } of specs) {
      const user = toWire(username);
      if (username === ddi || byUser.has(user)) continue;
      names.set(user, names.has(user) ? null : id);
    }
    for (const [user, id] of names) byUser.set(user, id);
    this.#byUser = byUser;
    this.#byAddress.clear();
  }

  callerOf(flow: Flow, hints: CallHints, isTrusted: boolean): Caller | undefined {
    const { registration, requestUser, toUser } = hints;
    const named = [registration, this.#named(requestUser), this.#named(toUser)].filter(
      (id) => id !== undefined,
    );
    const own = named.find((id) => this.#isFrom(id, flow));
    if (own !== undefined) return { registration: own, owner: own };
    const [first] = named;
    if (isTrusted && first !== undefined && this.#entriesOf(first).length > 0) {
      return { registration: first, owner: first };
    }
    const found = this.#onConnection(flow) ?? this.#atAddress(flow);
    return found ?? (isTrusted ? NOBODY : undefined);
  }

  flowOf(registration: string): Flow | undefined {
    for (const { way } of this.#entriesOf(registration)) {
      if (way !== undefined && !(way.flow instanceof TargetGate)) return way.flow;
    }
    return undefined;
  }

  seenOn(flow: Flow): string | undefined {
    return seenOver(this.#view?.flows.flows.of(flow));
  }

  /** With and without the plus of a global number. */
  #named(user: string | undefined): string | undefined {
    if (user === undefined) return undefined;
    const other = user.startsWith('+') ? user.slice(1) : `+${user}`;
    return this.#byUser.get(user) ?? this.#byUser.get(other) ?? undefined;
  }

  #isFrom(id: string, flow: Flow): boolean {
    return this.#entriesOf(id).some((entry) => isAt(entry, flow));
  }

  #onConnection(flow: Flow): Caller | undefined {
    const entries = this.#view?.flows.flows.of(flow)?.entries;
    if (entries === undefined) return undefined;
    return callerAmong([...entries].slice(0, 2));
  }

  #atAddress(flow: Flow): Caller | undefined {
    if (this.#view === undefined) return undefined;
    const { address } = flow.remote;
    const now = this.#view.now();
    const kept = this.#byAddress.get(address);
    if (kept !== undefined && kept.until > now) return kept.caller;
    if (this.#byAddress.size >= MAX_KEPT) this.#byAddress.clear();
    const caller = this.#walk(flow, this.#view.entries);
    this.#byAddress.set(address, { caller, until: after(now, KEPT_MS) });
    return caller;
  }

  /** Ends as soon as there are two; legs of one registration are one. */
  #walk(flow: Flow, entries: ReadonlyMap<string, Entry>): Caller | undefined {
    const known = new Map<Registrar, boolean>();
    const found: Entry[] = [];
    for (const entry of entries.values()) {
      const { registrar } = entry;
      const isThere = known.get(registrar) ?? isRegistrarAt(registrar, flow.remote.address);
      known.set(registrar, isThere);
      if (!isThere || entry.state.name === 'off') continue;
      const [first] = found;
      if (first !== undefined && registrationId(first) === registrationId(entry)) continue;
      found.push(entry);
      if (found.length === 2) break;
    }
    return callerAmong(found);
  }

  #entriesOf(id: string): readonly Entry[] {
    return this.#view?.entriesOf(id) ?? [];
  }
}

const NOBODY: Caller = { registration: undefined, owner: '' };

function callerAmong(entries: readonly Entry[]): Caller | undefined {
  const [first, second] = entries;
  if (first === undefined) return undefined;
  const owner = registrationId(first);
  const isOnly = second === undefined || registrationId(second) === owner;
  return { registration: isOnly ? owner : undefined, owner };
}

/** Does that flow lead to the registrar of the registration? */
function isAt(entry: Entry, flow: Flow): boolean {
  if (entry.state.name === 'off') return false;
  return entry.way?.flow === flow || isRegistrarAt(entry.registrar, flow.remote.address);
}

/** Behind a proxy of ours, calls come in there. */
function isRegistrarAt({ hop, targets }: Registrar, address: string): boolean {
  return hop.via === undefined && targets?.some((one) => one.address === address) === true;
}
