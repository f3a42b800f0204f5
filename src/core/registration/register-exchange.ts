/** The exchange of one REGISTER, as the user agent wants it: where it goes, what it says, how it proves itself. */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Hasher } from '../sip/digest/ports.ts';
import { type AuthNews, DigestSession } from '../sip/digest/session.ts';
import type { Flow } from '../sip/transport/ports.ts';
import type { ExchangeRequest } from '../sip/user-agent/ports.ts';
import { patienceMs } from './backoff.ts';
import { moveTo, removedUris } from './contact-moves.ts';
import type { Entry } from './entry.ts';
import { lastOffer, nextOffer } from './offer.ts';
import type { Host, OutboundOffer } from './outbound.ts';
import { type Stop, stopOf } from './redirect-trail.ts';
import { contactPoint, queryTail, registerTail, registerTemplate } from './request.ts';
import { credentialsOf } from './roll-over.ts';
import type { TargetGate } from './target-gate.ts';
import { TextPool } from './text-pool.ts';

interface ExchangePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly hostId: string;
}

interface ExchangeUser {
  authNews(entry: Entry, news: AuthNews): void;
  /** Our address as the other side of the flow sees it, where that is known. */
  learnedOn(flow: Flow): string | undefined;
}

export class RegisterExchanges {
  readonly #ports: ExchangePorts;
  readonly #user: ExchangeUser;
  readonly #host: Host;
  readonly #contactPoints = new TextPool();

  constructor(ports: ExchangePorts, user: ExchangeUser) {
    this.#ports = ports;
    this.#user = user;
    this.#host = { id: ports.hostId, hasher: ports.hasher };
  }

  /** Asks for a binding; `askedSec` 0 removes it. */
  register(entry: Entry, gate: TargetGate, askedSec: number, timeoutMs: number): ExchangeRequest {
    const { spec } = entry;
    const offer = nextOffer(entry, this.#host, this.#ports.clock.now());
    return this.#request(entry, gate, timeoutMs, (flow) => {
      // A removal names the Contact that was bound, over whatever flow it goes.
      if (askedSec > 0 || entry.contactPoint === undefined) {
        const { protocol } = gate.target.via === undefined ? flow : gate.target;
        const point = contactPoint(spec, flow, protocol, this.#user.learnedOn(flow));
        moveTo(entry, this.#contactPoints.shared(point));
      }
      const removed = removedUris(entry);
      return registerTail(spec, entry.contactPoint ?? '', askedSec, removed, offer);
    });
  }

  /** Asks which bindings there are (RFC 3261 section 10.2.3). */
  query(entry: Entry, gate: TargetGate, timeoutMs: number): ExchangeRequest {
    const tail = queryTail(entry.spec);
    return this.#request(entry, gate, timeoutMs, () => tail);
  }

  #request(
    entry: Entry,
    gate: TargetGate,
    timeoutMs: number,
    tail: ExchangeRequest['tail'],
  ): ExchangeRequest {
    const now = this.#ports.clock.now();
    const { spec } = entry;
    const { profile } = spec;
    const stop = stopOf(entry, now);
    const { tls, localSocket } = stop?.place ?? profile;
    let isFirst = true;
    return {
      template: registerTemplate(spec, entry.callId, stop?.place.requestUri),
      tail,
      target: gate.target,
      route: profile.route,
      // Through a proxy answers come from the proxy.
      alternatives: gate.target.via === undefined ? gate.addresses : [],
      sourceCheck: profile.sourceCheck,
      sizePolicy: profile.sizePolicy,
      owner: profile.connection === 'perRegistration' ? spec.id : undefined,
      localSocket,
      tls,
      nextCseq: () => {
        entry.cseq += 1;
        // A second request in the same exchange answers a challenge: the target lives.
        if (!isFirst) gate.heard();
        isFirst = false;
        return entry.cseq;
      },
      session: this.#sessionOf(stop ?? entry, entry),
      timeoutMs,
      patienceMs: Math.max(timeoutMs, patienceMs(entry.state.boundUntil, now)),
      authNews: (news) => this.#user.authNews(entry, news),
    };
  }

  /** What it said of itself in its Contact, with the last request. */
  offerOf(entry: Entry): OutboundOffer | undefined {
    return lastOffer(entry, this.#host);
  }

  /** Nonces belong to the server that gave them: a place that it was redirected to has its own. */
  #sessionOf(holder: Entry | Stop, entry: Entry): DigestSession {
    const { hasher, random } = this.#ports;
    const { digest } = entry.spec.profile;
    holder.session ??= new DigestSession(credentialsOf(entry), hasher, random, digest);
    return holder.session;
  }
}
