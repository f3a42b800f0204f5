/**
 * What an operator should hear of challenges: a change that concerns all registrations of a registrar
 * is told once for all of them, what concerns one account once for that.
 */
import type { Cause } from '../base/cause.ts';
import type { AuthNews } from '../sip/digest/session.ts';
import { detached } from '../sip/message/wire-text.ts';
import { fellBack, realmChanged, weakerOffer, wrongProof } from './causes.ts';
import { type Entry, TRAIT, turnsOn } from './entry.ts';
import { readable } from './outcome.ts';

export interface AuthNotice {
  readonly cause: Cause;
  /** True where it says something of this registration alone. */
  readonly isOwn: boolean;
}

/** Undefined when it was told already. */
export function noticeOf(entry: Entry, news: AuthNews): AuthNotice | undefined {
  const { host } = entry.registrar.hop;
  switch (news.kind) {
    case 'realmChanged': {
      const why = () => realmChanged(host, readable(news.from), readable(news.to));
      return once(entry, `realm ${news.to}`, why);
    }
    case 'weakerOffer': {
      const why = () => weakerOffer(host, readable(news.offered), news.proven);
      return once(entry, `weaker ${news.offered}`, why);
    }
    case 'fellBack':
      return once(entry, `fell ${news.to}`, () => fellBack(host, news.from, readable(news.to)));
    case 'wrongProof': {
      if (!turnsOn(entry, TRAIT.toldWrongProof, true)) return undefined;
      return { cause: wrongProof(host, readable(news.realm)), isOwn: true };
    }
  }
}

function once({ registrar }: Entry, what: string, why: () => Cause): AuthNotice | undefined {
  if (registrar.toldOfAuth === what) return undefined;
  registrar.toldOfAuth = detached(what);
  return { cause: why(), isOwn: false };
}
