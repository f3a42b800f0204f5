/** What only few registrations have; the others have no such object. */
import type { BindingFacts } from './binding-facts.ts';
import type { LegGroup } from './legs.ts';
import type { RedirectTrail } from './redirect-trail.ts';

export class Rare {
  /** It is a leg of that registration. */
  group: LegGroup | undefined;
  /** What the last 200 told beside the grant. */
  facts: BindingFacts | undefined;
  /** A later leg that waits for those before it to fail. */
  isStandby = false;
  /** Its registrar sent it elsewhere. */
  trail: RedirectTrail | undefined;
}
