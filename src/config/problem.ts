/**
 * What is wrong with a configuration, as data: where it stands, what it is, what would be right.
 * All problems are collected and told at once; the values of keys are never quoted unless they are
 * one word of a closed list, so that no password can end up in an error text.
 */

/** One mistake or warning. `line` and `column` count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Where in the tree, as `peeringContracts[0].registrations[2].ddi`; empty for the file itself. */
  readonly path: string;
  readonly text: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** A spot in a file. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type PathStep = string | number;

/** What a part of the configuration says against itself, before it is known where that stands. */
export interface Complaint {
  readonly path: readonly PathStep[];
  /** True where the key is wrong, false where its value is. */
  readonly isAboutKey?: boolean;
  readonly text: string;
  readonly hint?: string | undefined;
  /** True for what is no mistake, or none yet: a secret that cannot be read in `check`. */
  readonly isWarning?: boolean;
  /** No mistake in any mode, and worth a word. */
  readonly isRemark?: boolean;
}

/** The same complaints, with paths that count from where `prefix` begins. */
export function under(
  prefix: readonly PathStep[],
  complaints: readonly Complaint[],
): readonly Complaint[] {
  return complaints.map((one) => ({ ...one, path: [...prefix, ...one.path] }));
}

/** `file:line:column: text`, the form that compilers use and editors jump to. */
export function formatProblem(problem: Problem): string {
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.text}${hint}`;
}

/** `peeringContracts[0].name`. */
export function printPath(path: readonly PathStep[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${firstWord(step)}`;
  }
  return text;
}

/**
 * What stands before the first blank or colon. Of a key that is no word nothing else is shown: where a
 * colon or a space is forgotten, a password follows it.
 */
export function firstWord(text: string): string {
  return /^[^\s:]*/.exec(text)?.[0] ?? '';
}

/** Collects problems or warnings; keeps the first `limit` and counts the rest. */
export class ProblemList {
  readonly #kept: Problem[] = [];
  readonly #seen = new Set<string>();
  readonly #limit: number;
  #dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#kept.length >= this.#limit;
  }

  get size(): number {
    return this.#kept.length + this.#dropped;
  }

  add(place: Place, complaint: Complaint): void {
    if (this.isFull) {
      this.#dropped += 1;
      return;
    }
    const { file, line, column } = place;
    const problem = { file, line, column, path: printPath(complaint.path), text: complaint.text };
    // One spot can be wrong in the same way many times: hundreds of brackets that nobody closed.
    const name = `${file}:${line}:${column}:${problem.path}:${complaint.text}`;
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    this.#kept.push(complaint.hint === undefined ? problem : { ...problem, hint: complaint.hint });
  }

  /** Counts mistakes that nobody will see in detail any more. */
  countOnly(count: number): void {
    this.#dropped += count;
  }

  /** In the order of the files, then by line; the last one says how many were left out. */
  list(files: readonly string[], kind: 'problems' | 'warnings'): readonly Problem[] {
    const order = new Map(files.map((file, index) => [file, index]));
    const rank = (problem: Problem) => order.get(problem.file) ?? files.length;
    const sorted = this.#kept.toSorted(
      (a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column,
    );
    if (this.#dropped === 0) return sorted;
    const file = files[0] ?? '';
    const text = `and ${this.#dropped} more ${kind}`;
    return [...sorted, { file, line: 1, column: 1, path: '', text }];
  }
}
