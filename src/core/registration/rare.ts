/** What only few registrations have; the others have no such object. */
import type { BindingFacts } from './binding-facts.ts';
import type { LegGroup } from './legs.ts';
import type { Override } from './override.ts';
import type { Query } from './queries.ts';
import type { RedirectTrail } from './redirect-trail.ts';

export class Rare {
  /** It is a leg of that registration. */
  group: LegGroup | undefined;
  /** What the last 200 told beside the grant. */
  facts: BindingFacts | undefined;
  override: Override | undefined;
  /** Asks for the bindings that the registrar holds; it takes the place of a try. */
  query: Query | undefined;
  /** When the registrar was last asked before a refresh (`audit`); -1: not yet. */
  auditedAt: number = -1;
  /** A later leg that waits for those before it to fail. */
  isStandby = false;
  /** The registrar refused the present credentials: those of `auth.next` are in use. */
  usesNext = false;
  /** It was bound with them last, which was told. */
  wasPromoted = false;
  /** It is bound away from its preferred targets, and returns then (`failback: dnsTtl`, `after`); -1: it does not. */
  homeAt: number = -1;
  /** Its registrar sent it elsewhere. */
  trail: RedirectTrail | undefined;
}
