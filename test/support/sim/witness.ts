/**
 * What holds at every moment of every simulation (reliability.md 4.4), seen from outside of the daemon
 * where that is possible: on the wire and at its ports. Complaints are kept, few of them.
 *
 *   I1 one timer or one try for each registration     I5 few challenges are answered in one try
 *   I2 one exchange at a time for each registration   I6 credentials go to their registrar only
 *   I3 CSeq rises for each Call-ID                    I7 never more than rate x t + burst
 *   I4 nc rises for each nonce, no cnonce twice       I8 the states add up
 *                                                     I9 what is published is in order
 */
import type { Instant } from '../../../src/core/base/instant.ts';
import type { Entry } from '../../../src/core/registration/entry.ts';
import type {
  RegistrationEvent,
  RegistrationState,
} from '../../../src/core/registration/events.ts';
import type { Exchange, UserAgentPort } from '../../../src/core/sip/user-agent/ports.ts';
import { BurstMeter } from '../rate-limit.ts';
import { between, field } from './registrar.ts';
import type { WorldTime } from './time.ts';

const MOST_PROBLEMS = 20;
/** Each is a piece of a message, and keeps the whole of it. */
const MOST_CNONCES = 256;
/** Nobody waits longer than Retry-After or the last rung of a ladder, plus a tenth. */
const LONGEST_WAIT_MS = 3_600_000 * 1.1;
/** One with a cached nonce, two, and a third after stale (design.md 8); a connection that died adds two. */
const MOST_REQUESTS = 4;
const MORE_OVER_STREAM = 2;

interface Dialog {
  cseq: number;
  branch: string;
  nonce: string;
  nc: number;
}

export class Witness {
  readonly problems: string[] = [];
  /** Every registration whose machine was stepped. */
  readonly entries = new Map<string, Entry>();
  /** Target key -> users whose credentials may go there. */
  readonly allowed = new Map<string, ReadonlySet<string>>();
  readonly meters = new Map<string, BurstMeter>();
  steps = 0;
  readonly #dialogs = new Map<string, Dialog>();
  readonly #open = new Set<string>();
  readonly #told = new Map<string, RegistrationState>();
  #cnonces = new Set<string>();
  #publishedAt = 0;
  readonly #time: WorldTime;
  readonly #ratePerSec: number;
  readonly #mostRequests: number;

  /** `mostRequests`: of one try over UDP. */
  constructor(time: WorldTime, ratePerSec: number, mostRequests: number = MOST_REQUESTS) {
    this.#time = time;
    this.#ratePerSec = ratePerSec;
    this.#mostRequests = mostRequests;
  }

  /** After each step of a machine and what followed from it. */
  readonly stepped = (entry: Entry): void => {
    this.steps += 1;
    if (!this.entries.has(entry.spec.id)) this.entries.set(entry.spec.id, entry);
    this.#checkEntry(entry);
  };

  /** Of all of them: each virtual minute. */
  lookAtAll(counts: ReadonlyMap<string, Readonly<Record<RegistrationState, number>>>): void {
    const sums = new Map<RegistrationState, number>();
    for (const entry of this.entries.values()) {
      this.#checkEntry(entry);
      sums.set(entry.state.name, (sums.get(entry.state.name) ?? 0) + 1);
    }
    let told = 0;
    for (const states of counts.values()) {
      for (const [name, count] of Object.entries(states)) {
        told += count;
        sums.set(name as RegistrationState, (sums.get(name as RegistrationState) ?? 0) - count);
      }
    }
    const isEven = [...sums.values()].every((difference) => difference === 0);
    if (!isEven || told !== this.entries.size) this.complain('I8: the states do not add up');
  }

  /** The wire text of each message as it leaves. */
  readonly tap = (wire: string, server: string): void => {
    // Keep-alives are no requests, and have a pace of their own.
    if (!wire.startsWith('REGISTER ')) return;
    const meter = this.meters.get(server) ?? new BurstMeter(this.#ratePerSec);
    this.meters.set(server, meter);
    meter.add(this.#time.elapsedMs);
    const callId = field(wire, 'Call-ID');
    const cseq = Number.parseInt(field(wire, 'CSeq'), 10);
    const branch = between(wire, 'branch=', /[;\r]/g);
    const dialog = this.#dialogs.get(callId);
    if (dialog === undefined) this.#dialogs.set(callId, { cseq, branch, nonce: '', nc: 0 });
    else if (branch === dialog.branch) return;
    else if (cseq <= dialog.cseq) this.complain(`I3: CSeq ${cseq} after ${dialog.cseq}, ${callId}`);
    const now = this.#dialogs.get(callId) as Dialog;
    now.cseq = cseq;
    now.branch = branch;
    const authorization = field(wire, 'Authorization');
    if (authorization !== '') this.#checkCredentials(now, authorization, server);
  };

  /** The port, watched: what is under way for whom. */
  watch(userAgent: UserAgentPort): UserAgentPort {
    return {
      answerMs: (target) => userAgent.answerMs(target),
      start: (request, receive): Exchange => {
        const { callId } = request.template;
        if (this.#open.has(callId)) this.complain(`I2: two exchanges of ${callId}`);
        this.#open.add(callId);
        const exchange = userAgent.start(request, (outcome) => {
          this.#open.delete(callId);
          const isStream = request.target.protocol !== 'udp';
          const most = this.#mostRequests + (isStream ? MORE_OVER_STREAM : 0);
          if (outcome.requests > most) this.complain(`I5: ${outcome.requests} requests in one try`);
          receive(outcome);
        });
        return {
          cancel: () => {
            this.#open.delete(callId);
            exchange.cancel();
          },
        };
      },
    };
  }

  readonly published = (event: RegistrationEvent): void => {
    if (event.at < this.#publishedAt) this.complain(`I9: ${event.type} of an earlier time`);
    this.#publishedAt = event.at;
    if (event.type !== 'registration.changed') return;
    const { id } = event.spec;
    const before = this.#told.get(id) ?? 'idle';
    if (event.from !== before) this.complain(`I9: ${id} was ${before}, told to be ${event.from}`);
    this.#told.set(id, event.state);
  };

  checkPace(burst: number): void {
    for (const [server, { smallestBurst }] of this.meters) {
      if (smallestBurst > burst + 1e-6)
        this.complain(`I7: a burst of ${smallestBurst} to ${server}`);
    }
  }

  complain(text: string): void {
    if (this.problems.length < MOST_PROBLEMS) {
      this.problems.push(`at ${(this.#time.elapsedMs / 1000).toFixed(3)} s: ${text}`);
    }
  }

  #checkCredentials(dialog: Dialog, authorization: string, server: string): void {
    const username = between(authorization, 'username="', /"/g);
    if (this.allowed.get(server)?.has(username) !== true) {
      this.complain(`I6: credentials of ${username} to ${server}`);
    }
    const value = (name: string) => between(authorization, ` ${name}="`, /"/g);
    // A nonce of one realm is none of another.
    const nonce = `${value('realm')} ${value('nonce')}`;
    const nc = Number.parseInt(between(authorization, ' nc=', /,/g), 16);
    if (nonce === dialog.nonce && nc <= dialog.nc) {
      this.complain(`I4: nc ${nc} after ${dialog.nc} of ${username}`);
    }
    dialog.nonce = nonce;
    dialog.nc = nc;
    const cnonce = value('cnonce');
    // With `-sess` the first one counts as long as its nonce is used (RFC 7616 section 3.4.2).
    if (cnonce === '' || authorization.includes('-sess')) return;
    if (this.#cnonces.has(cnonce)) this.complain(`I4: a cnonce of ${username} twice`);
    if (this.#cnonces.size >= MOST_CNONCES) this.#cnonces = new Set();
    this.#cnonces.add(cnonce);
  }

  #checkEntry(entry: Entry): void {
    const wrong = wrongWith(entry, this.#time.daemonClock.now());
    if (wrong === undefined) return;
    const { name, isTrying } = entry.state;
    this.complain(`I1: ${entry.spec.id} ${name}/${entry.place}, trying ${isTrying}: ${wrong}`);
  }
}

/** Where its next step comes from, and that this is the only place. */
function wrongWith(entry: Entry, now: Instant): string | undefined {
  const { place, timer, exchange, position, state } = entry;
  if (place === 'nowhere') return state.name === 'off' ? undefined : 'it is nowhere';
  if ((place === 'line' || place === 'guarded') !== position >= 0) return 'its place in line';
  if (exchange !== undefined && place !== 'exchange') return 'an exchange that it is not in';
  const isAsking = entry.rare?.query !== undefined;
  if ((state.isTrying || isAsking) === (place === 'timer')) return 'its try';
  if (place === 'timer' && !timer.isArmed) return 'no timer';
  // A grant of a day is refreshed after a day.
  const latest = Math.max(state.boundUntil ?? 0, now + LONGEST_WAIT_MS);
  if (place === 'timer' && state.dueAt > latest) return 'it waits too long';
  return wrongWithBinding(entry);
}

function wrongWithBinding({ state: { boundUntil, name }, timer }: Entry): string | undefined {
  if (boundUntil === undefined) return BOUND.has(name) ? 'it is not bound' : undefined;
  if (UNBOUND.has(name)) return 'it is bound';
  const isWatched = timer.isArmed && timer.deadline <= boundUntil;
  return isWatched ? undefined : 'the end of its binding is not watched';
}

const BOUND: ReadonlySet<RegistrationState> = new Set(['registered', 'refreshFailing']);
const UNBOUND: ReadonlySet<RegistrationState> = new Set(['idle', 'waiting', 'off']);
