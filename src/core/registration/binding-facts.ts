/**
 * What a registrar tells beside the grant, for whoever routes calls: Service-Route (RFC 3608), Path
 * (RFC 3327), P-Associated-URI (RFC 7315 section 4.1), GRUUs (RFC 5627), and the bindings of others.
 * Kept and shown, and used for no REGISTER. Each 200 replaces all of it; most have nothing of it.
 */
import { splitList } from '../sip/header/name-addr.ts';
import type { HeaderName } from '../sip/message/header-name.ts';
import type { SipMessage } from '../sip/message/message.ts';
import { detached } from '../sip/message/wire-text.ts';
import type { Listing, OtherBinding } from './binding.ts';

/** Values of each kind that are kept, and octets of all of them together. */
const MOST_VALUES = 8;
const MOST_OCTETS = 2_048;
/** Different texts that are shared by all registrations. */
const POOL_SIZE = 1_000;

/** Texts are wire text: one character per octet. */
export interface BindingFacts {
  /** In the order of the route (RFC 3608 section 6.1). */
  readonly serviceRoute: readonly string[];
  readonly path: readonly string[];
  readonly associatedUris: readonly string[];
  readonly publicGruu: string | undefined;
  readonly temporaryGruu: string | undefined;
  /** The first bindings of the same address of record that are not ours. */
  readonly others: readonly OtherBinding[];
  readonly otherCount: number;
}

/** Makes equal facts one object: whole crowds have the same Service-Route. */
export class FactsPool {
  readonly #known = new Map<string, BindingFacts>();

  /** Undefined for the usual answer, which tells nothing of the kind. */
  factsOf(response: SipMessage, listing: Listing | undefined): BindingFacts | undefined {
    const room = { octets: MOST_OCTETS };
    const read = (name: HeaderName) => valuesOf(response, name, room);
    const facts = {
      serviceRoute: read('Service-Route'),
      path: read('Path'),
      associatedUris: read('P-Associated-URI'),
      publicGruu: bounded(listing?.own.params.get('pub-gruu'), room),
      temporaryGruu: bounded(listing?.own.params.get('temp-gruu'), room),
      others: (listing?.others ?? []).flatMap((other) => {
        const uri = bounded(other.uri, room);
        return uri === undefined ? [] : [{ ...other, uri }];
      }),
      otherCount: listing?.otherCount ?? 0,
    };
    const isEmpty = room.octets === MOST_OCTETS && facts.otherCount === 0;
    return isEmpty ? undefined : this.#shared(facts);
  }

  #shared(facts: BindingFacts): BindingFacts {
    const key = JSON.stringify(facts);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= POOL_SIZE) this.#known.clear();
    this.#known.set(key, facts);
    return facts;
  }
}

const NONE: readonly string[] = [];

interface Room {
  octets: number;
}

function valuesOf(response: SipMessage, name: HeaderName, room: Room): readonly string[] {
  if (response.count(name) === 0) return NONE;
  const values: string[] = [];
  for (const value of response.all(name).flatMap(splitList)) {
    const kept = values.length < MOST_VALUES ? bounded(value, room) : undefined;
    if (kept === undefined) break;
    values.push(kept);
  }
  return values;
}

/** Its own copy of the text, so that the message is not kept for it; undefined where it does not fit. */
function bounded(text: string | undefined, room: Room): string | undefined {
  if (text === undefined || text === '' || text.length > room.octets) return undefined;
  room.octets -= text.length;
  return detached(text);
}
