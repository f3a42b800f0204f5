/** Gives complaints their place, and sorts problems from warnings. */
import { type Complaint, type PathStep, type Place, type ProblemList, under } from './problem.ts';
import type { Sources } from './sources.ts';

export class Reporter {
  readonly #sources: Sources;
  readonly #problems: ProblemList;
  readonly #warnings: ProblemList;
  readonly #mode: 'run' | 'check';

  constructor(
    sources: Sources,
    problems: ProblemList,
    warnings: ProblemList,
    mode: 'run' | 'check',
  ) {
    this.#sources = sources;
    this.#problems = problems;
    this.#warnings = warnings;
    this.#mode = mode;
  }

  /** Nobody runs with it yet: somebody wants to know what it is worth. */
  get isCheck(): boolean {
    return this.#mode === 'check';
  }

  /** True when none of the complaints would be shown in detail any more. */
  isFull(complaints: readonly Complaint[]): boolean {
    return complaints.every((one) => this.#listFor(one).isFull);
  }

  /** Complaints about what stands at `prefix` in the tree. */
  report(prefix: readonly PathStep[], complaints: readonly Complaint[]): void {
    for (const complaint of under(prefix, complaints)) {
      // To find a place takes a walk over everything before it: not for what is only counted.
      if (this.#listFor(complaint).isFull) this.countOnly([complaint]);
      else this.add(this.place(complaint.path, complaint.isAboutKey === true), complaint);
    }
  }

  /** A complaint whose place is known. In `run` every warning of a builder is a problem. */
  add(place: Place, complaint: Complaint): void {
    this.#listFor(complaint).add(place, complaint);
  }

  /** What is no mistake in either mode. */
  warn(place: Place, path: readonly PathStep[], text: string): void {
    this.#warnings.add(place, { path, text });
  }

  /** Counts complaints that nobody will see in detail. */
  countOnly(complaints: readonly Complaint[]): void {
    for (const complaint of complaints) {
      this.#listFor(complaint).countOnly(1);
    }
  }

  place(path: readonly PathStep[], ofKey = false): Place {
    const { map, root, files } = this.#sources;
    return map.place(root, path, ofKey) ?? { file: files[0] ?? '', line: 1, column: 1 };
  }

  #listFor({ isWarning, isRemark }: Complaint): ProblemList {
    const isMild = isRemark === true || (isWarning === true && this.#mode === 'check');
    return isMild ? this.#warnings : this.#problems;
  }
}
