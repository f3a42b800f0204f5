/** By what the binding of a registration is known, and what its registrar told with it. */
import type { SipMessage } from '../sip/message/message.ts';
import { toWire } from '../sip/message/wire-text.ts';
import type { Attempts } from './attempts.ts';
import type { Listing, OwnMarks } from './binding.ts';
import { FactsPool } from './binding-facts.ts';
import { type Entry, rareOf, TRAIT, turnsOn } from './entry.ts';
import { lineToken } from './line-token.ts';
import { contactUri, moreContactUris } from './request.ts';
import type { Tally } from './tally.ts';

export class BindingBook {
  readonly #attempts: Attempts;
  readonly #tally: Tally;
  readonly #pool = new FactsPool();

  constructor(attempts: Attempts, tally: Tally) {
    this.#attempts = attempts;
    this.#tally = tally;
  }

  marksOf(entry: Entry): OwnMarks {
    const { spec, contactPoint = '' } = entry;
    const { style } = spec.profile;
    const marks = {
      contactUri: toWire(contactUri(spec, contactPoint)),
      isOwnUser: spec.ddi !== spec.username && style?.mode !== 'gin',
      offer: () => this.#attempts.offerOf(entry),
    };
    if (style === undefined) return marks;
    const moreUris = moreContactUris(spec, contactPoint).map(toWire);
    const line = style.hasLine ? lineToken(spec) : undefined;
    return moreUris.length === 0 ? { ...marks, line } : { ...marks, line, moreUris };
  }

  /** Replaced by each 200, also by one that tells nothing (RFC 3608 section 6.1). */
  keep(entry: Entry, listing: Listing | undefined, response: SipMessage): void {
    const facts = this.#pool.factsOf(response, listing);
    if (facts === undefined && entry.rare === undefined) return;
    this.#count(entry, facts?.otherCount ?? 0);
    rareOf(entry).facts = facts;
  }

  /** It is not bound any more: what the registrar told goes with the binding (RFC 3608 section 5). */
  forget(entry: Entry): void {
    if (entry.rare?.facts === undefined) return;
    this.#count(entry, 0);
    entry.rare.facts = undefined;
  }

  /**
   * True when old bindings of ours are listed that a request of its own shall remove (`onForeign`); once
   * for as long as there are any, after that they go with each refresh.
   */
  seesStale(entry: Entry): boolean {
    const isWanted = entry.spec.profile.onForeign === 'removeOwnStale';
    const hasStale = isWanted && entry.rare?.facts?.others.some(({ isStale }) => isStale) === true;
    return turnsOn(entry, TRAIT.triedStale, hasStale);
  }

  #count({ spec, rare }: Entry, otherCount: number): void {
    const { contract } = spec.profile;
    this.#tally.countOthers(contract, otherCount - (rare?.facts?.otherCount ?? 0));
  }
}
