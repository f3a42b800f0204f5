/** One case over one transport: what was configured, what the other side saw, what the daemon says at the end. */
import type { Lateness } from './lateness.ts';
import type { Protocol } from './quirk-case.ts';
import type { SeenLog } from './seen.ts';

/** What the judges read of a row of `GET /v1/registrations`. */
export interface StateRow {
  readonly id: string;
  readonly state: string;
  readonly bound: boolean;
  readonly contact: string | null;
  readonly grantedExpires: number | null;
  readonly nextAttemptAt: string | null;
  readonly cause: { readonly code: string; readonly text: string; readonly next: string } | null;
  readonly [field: string]: unknown;
}

export interface Trial {
  /** Of the case: `ch00`, `sipp/01-401-200`. */
  readonly id: string;
  readonly title: string;
  readonly protocol: Protocol;
  /** Id of the registration. */
  readonly registration: string;
  readonly expect: Readonly<Record<string, unknown>>;
  /** How many steps the case has; undefined: unknown. */
  readonly steps: number | undefined;
  readonly policy: string | undefined;
  readonly log: SeenLog;
}

/** What is known at the end of the run. */
export interface Aftermath {
  readonly rows: ReadonlyMap<string, StateRow>;
  /** What arrived at the places that redirections point to. */
  readonly elsewhere: readonly { readonly where: string; readonly log: SeenLog }[];
  readonly isAlive: boolean;
  readonly bugs: number;
  readonly lateness: Lateness;
  /** Growth of the daemon's memory over the run, in MiB. */
  readonly grownMib: number;
}

export const PASSWORD = 'wonderland';
export const AUTH_USER = 'alice';
export const ASKED_SEC = 600;

export function aftermathRow({ registration }: Trial, { rows }: Aftermath): StateRow {
  const row = rows.get(registration);
  if (row === undefined) throw new Error(`no row of ${registration}`);
  return row;
}
