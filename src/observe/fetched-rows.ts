/** What the API shows of the bindings that a registrar was asked for. */
import type { FetchedBindings } from '../core/registration/queries.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import { printable } from './printable.ts';
import type { WallClock } from './wall-clock.ts';

/** What each registrar of a registration said of its bindings. */
export interface FetchedRows {
  readonly items: readonly FetchedRow[];
}

interface FetchedRow {
  /** Id of the leg; that of the registration where it has only one binding. */
  readonly leg: string;
  readonly target: string | null;
  /** Null where it did not tell. */
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
): FetchedRows {
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
