/** What the API shows of the bindings that a registrar was asked for. */
import type { FetchedBindings } from '../core/registration/queries.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import { printable } from './printable.ts';
import type { WallClock } from './wall-clock.ts';

interface FetchedRow {
  readonly leg: string;
  readonly target: string | null;
  readonly bindings:
    | readonly {
        readonly uri: string;
        readonly expires: number | null;
        readonly q: number | null;
        readonly isOurs: boolean;
      }[]
    | null;
  readonly cause: RenderedCause | null;
}

export function fetchedRows(
  answers: readonly FetchedBindings[],
  wallClock: WallClock,
): { readonly items: readonly FetchedRow[] } {
  return {
    items: answers.map(({ leg, answer }) => ({
      leg,
      target: answer.target ?? null,
      bindings: answer.ok
        ? answer.bindings.map(({ uri, expiresSec, q, isOurs }) => ({
            uri: printable(uri),
            expires: expiresSec ?? null,
            q: q ?? null,
            isOurs,
          }))
        : null,
      cause: answer.ok ? null : renderCause(answer.cause, undefined, wallClock),
    })),
  };
}
