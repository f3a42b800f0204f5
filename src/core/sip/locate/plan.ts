/**
 * RFC 3263 section 4, as one pure function of what is known: either the targets of a hop, or the
 * questions that have to be answered first. Whoever asks puts the answers where `recall` finds them, and
 * calls again. Each question is asked once, so it comes to an end: NAPTR, SRV, addresses.
 *
 *   host is an IP literal, or addresses are configured ----------------------------> targets
 *   host:port -----------------------------------------------------> A, AAAA ------> targets
 *   host;transport= -----------------------> SRV (none: as with the default port) -> targets
 *   host -> NAPTR (none that we can use: _sip of each transport) -> SRV -> A, AAAA -> targets
 */

import { type Fault, failure, fault, type Result, success } from '../../base/fault.ts';
import { isSendable, sendableAddress } from './address-policy.ts';
import { bareName } from './domain-name.ts';
import { parseIpLiteral } from './ip-literal.ts';
import type { LookupQuestion, LookupRecord, SrvRecord, WaysOut } from './ports.ts';
import { naptrServices, type Service, standardServices } from './services.ts';
import type { FamilyPolicy, NextHop, Standing, Target, TransportProtocol } from './target.ts';

/** RFC 3261 section 19.1.2: where a URI names no port. */
const DEFAULT_PORT: Readonly<Record<TransportProtocol, number>> = {
  udp: 5060,
  tcp: 5060,
  tls: 5061,
};

/** Of one name, of one hop in SRV records, and of one hop in all; an answer may hold thousands. */
const MAX_ADDRESSES = 16;
const MAX_SERVERS = 32;
const MAX_TARGETS = 64;

/** What is known of a question: its records, that there are none (no fault), or why they are not known. */
export interface Recalled {
  readonly records: readonly LookupRecord[];
  readonly fault: Fault | undefined;
}

/** Undefined: it has to be asked. */
export type Recall = (question: LookupQuestion) => Recalled | undefined;

/** `targets` by rank, each once. Faults: `dns.notFound`, `dns.failed`, `dns.timeout`. */
export type Plan =
  | { readonly kind: 'ask'; readonly questions: readonly LookupQuestion[] }
  | { readonly kind: 'done'; readonly result: Result<readonly Target[]> };

const ALONE: Standing = { rank: 0, weight: 0 };

/** Our own sockets and routes say nothing of what a proxy of ours can reach. */
const BEHIND_PROXY: WaysOut = { serves: () => true, reaches: () => true };

export function planTargets(hop: NextHop, ownWays: WaysOut, recall: Recall): Plan {
  const ways = hop.via === undefined ? ownWays : BEHIND_PROXY;
  const fixed = fixedTargets(hop);
  if (fixed !== undefined) return { kind: 'done', result: success(fixed) };
  const walk = new Walk(hop, ways, recall);
  locateName(hop, walk, ways);
  return walk.end();
}

/** What needs no question at all: a numeric host (RFC 3263 section 4.2), or configured addresses. */
function fixedTargets(hop: NextHop): readonly Target[] | undefined {
  const protocol = protocolOf(hop);
  const port = hop.port ?? DEFAULT_PORT[protocol];
  if (hop.addresses !== undefined) {
    return hop.addresses.flatMap((text) => {
      const literal = parseIpLiteral(text);
      return literal === undefined ? [] : [{ protocol, port, ...literal }];
    });
  }
  const literal = parseIpLiteral(hop.host);
  return literal === undefined ? undefined : [{ protocol, port, ...literal }];
}

function locateName(hop: NextHop, walk: Walk, ways: WaysOut): void {
  const name = bareName(hop.host);
  if (hop.port !== undefined) {
    walk.addresses(name, protocolOf(hop), hop.port, ALONE);
    return;
  }
  const usable = transportsOf(hop, ways);
  const protocol = hop.secure ? 'tls' : hop.protocol;
  if (hop.protocol === undefined) {
    const records = walk.recall({ kind: 'naptr', name });
    if (records === undefined) return;
    // Some name servers and routers fail at NAPTR alone, so its fault is no reason to stop here.
    walk.fault = undefined;
    // RFC 3263 section 4.1: services that we cannot use count as if they were not there.
    if (walk.services(naptrServices(records, hop.secure, usable))) return;
    if (walk.fault !== undefined) return;
  }
  const services = standardServices(name, protocol === undefined ? usable : [protocol], hop.secure);
  if (walk.services(services) || walk.fault !== undefined) return;
  const last = protocol ?? usable[0] ?? 'udp';
  walk.addresses(name, last, DEFAULT_PORT[last], ALONE);
}

/** A sips URI is never sent over anything but TLS (RFC 3261 section 26.2.2), whatever is configured. */
function protocolOf(hop: NextHop): TransportProtocol {
  return hop.secure ? 'tls' : (hop.protocol ?? 'udp');
}

/** In the order in which we like them. */
function transportsOf({ secure, family }: NextHop, ways: WaysOut): readonly TransportProtocol[] {
  const all: readonly TransportProtocol[] = secure ? ['tls'] : ['udp', 'tcp', 'tls'];
  return all.filter((protocol) => familiesOf(family).some((one) => ways.serves(protocol, one)));
}

function familiesOf(policy: FamilyPolicy = 'auto'): readonly (4 | 6)[] {
  switch (policy) {
    case 'auto':
      return [4, 6];
    case 'ipv4':
      return [4];
    case 'ipv6':
      return [6];
    case 'preferIpv6':
      return [6, 4];
  }
}

/** One walk from the hop as far as the answers go. */
class Walk {
  readonly #hop: NextHop;
  readonly #ways: WaysOut;
  readonly #recall: Recall;
  readonly #targets: Target[] = [];
  readonly #questions: LookupQuestion[] = [];
  #servers = 0;
  #isRefused = false;
  fault: Fault | undefined;

  constructor(hop: NextHop, ways: WaysOut, recall: Recall) {
    this.#hop = hop;
    this.#ways = ways;
    this.#recall = recall;
  }

  /** Undefined after it was put down as to be asked. */
  recall(question: LookupQuestion): readonly LookupRecord[] | undefined {
    const known = this.#recall(question);
    if (known === undefined) {
      this.#questions.push(question);
      return undefined;
    }
    if (known.fault !== undefined) this.fault ??= known.fault;
    return known.records;
  }

  /** Follows SRV names, preferred ones first; false when none of them is there, for all we know. */
  services(services: readonly Service[]): boolean {
    let rank = -1;
    let isThere = false;
    // All of them are asked for before the first answer is used, so that they are asked side by side.
    const answers = services.map(({ name }) => this.recall({ kind: 'srv', name }));
    for (const [index, service] of services.entries()) {
      const answer = answers[index];
      if (answer === undefined) isThere = true;
      let priority = -1;
      for (const record of byPriority(answer ?? [])) {
        isThere = true;
        if (record.priority !== priority) rank += 1;
        priority = record.priority;
        this.#server(service, record, rank);
      }
    }
    return isThere;
  }

  addresses(name: string, protocol: TransportProtocol, port: number, standing: Standing): void {
    const literal = parseIpLiteral(name);
    if (literal !== undefined) {
      // Against RFC 2782, and seen: an SRV record with an address as its target.
      if (isSendable(literal)) this.#add({ protocol, port, ...literal, standing });
      return;
    }
    for (const family of this.#familiesFor(protocol)) {
      const records = this.recall({ kind: family === 4 ? 'a' : 'aaaa', name }) ?? [];
      for (const record of records.slice(0, MAX_ADDRESSES)) {
        if (record.kind !== 'address') continue;
        const address = sendableAddress(record.address);
        if (address !== undefined) this.#add({ protocol, port, ...address, standing });
      }
    }
  }

  end(): Plan {
    if (this.#questions.length > 0) return { kind: 'ask', questions: this.#questions };
    const targets = inRankOrder(this.#reachable());
    if (targets.length > 0) return { kind: 'done', result: success(targets) };
    const { host } = this.#hop;
    const text = this.#isRefused
      ? `The DNS says that ${host} does not offer the service (SRV target ".").`
      : `The name ${host} has no address that we can use.`;
    const reason = this.fault ?? fault('dns.notFound', 'config', text);
    return { kind: 'done', result: failure(reason) };
  }

  #server({ protocol }: Service, { target, port, weight }: SrvRecord, rank: number): void {
    if (target === '.' || target === '') {
      this.#isRefused = true;
      return;
    }
    this.#servers += 1;
    if (this.#servers > MAX_SERVERS) return;
    this.addresses(bareName(target), protocol, port, { rank, weight });
  }

  #add(target: Target): void {
    const { address, port, protocol } = target;
    const isKnown = this.#targets.some(
      (one) => one.address === address && one.port === port && one.protocol === protocol,
    );
    if (!isKnown && this.#targets.length < MAX_TARGETS) this.#targets.push(target);
  }

  #familiesFor(protocol: TransportProtocol): readonly (4 | 6)[] {
    const wanted = familiesOf(this.#hop.family);
    const served = wanted.filter((family) => this.#ways.serves(protocol, family));
    return served.length > 0 ? served : wanted;
  }

  /** Without those that this host has no route to, unless that would leave nothing to say. */
  #reachable(): readonly Target[] {
    const reachable = this.#targets.filter(({ address, family }) =>
      this.#ways.reaches(address, family),
    );
    return reachable.length > 0 ? reachable : this.#targets;
  }
}

function byPriority(records: readonly LookupRecord[]): readonly SrvRecord[] {
  return records
    .filter((record) => record.kind === 'srv')
    .toSorted((a, b) => a.priority - b.priority);
}

/** Ranks without gaps: servers without address are gone, and `rank` 0 means the best that there is. */
function inRankOrder(targets: readonly Target[]): readonly Target[] {
  const standings = new Map<Standing | undefined, Standing>();
  let rank = -1;
  let former: number | undefined;
  return targets.map((target) => {
    const given = target.standing;
    if (given?.rank !== former || rank < 0) rank += 1;
    former = given?.rank;
    const known = standings.get(given);
    if (known !== undefined) return { ...target, standing: known };
    const standing = { rank, weight: given?.weight ?? 0 };
    standings.set(given, standing);
    return { ...target, standing };
  });
}
