/**
 * What has to be unique over the whole configuration: the id of a registration, its address of
 * record, and its DDI (by which calls are told apart). The second one to come is refused, with the
 * place of the first.
 */
import type { RegistrationSpec } from '../core/registration/spec.ts';
import type { Place } from './problem.ts';

/** What clashes, and with which registration (its number in the order of loading). */
export interface Clash {
  readonly path: readonly string[];
  readonly text: string;
  readonly first: number;
}

export class UniqueRegistrations {
  readonly #byId = new Map<string, number>();
  readonly #byAor = new Map<string, number>();
  readonly #byDdi = new Map<string, number>();

  /** Takes the names of registration number `index`; the answer is empty in the common case. */
  claim(spec: RegistrationSpec, index: number): readonly Clash[] {
    const { id, ddi } = spec;
    const aor = addressOfRecord(spec);
    const clashes: Clash[] = [];
    const byAor = claimIn(this.#byAor, aor, index);
    if (byAor !== undefined) {
      clashes.push({ path: ['username'], text: `${aor} is registered`, first: byAor });
    }
    // The same account twice has the same made-up DDI; one complaint is enough.
    const byDdi = byAor === undefined ? claimIn(this.#byDdi, ddi, index) : undefined;
    if (byDdi !== undefined) {
      clashes.push({ path: ['ddi'], text: `the DDI ${ddi} is in use`, first: byDdi });
    }
    // Without an id of its own the address of record says it all.
    const byId = id === aor && byAor !== undefined ? undefined : claimIn(this.#byId, id, index);
    if (byId !== undefined) {
      clashes.push({ path: ['id'], text: `the id ${id} is in use`, first: byId });
    }
    return clashes;
  }
}

/** Puts the name down, or tells who had it first. */
function claimIn(map: Map<string, number>, name: string, index: number): number | undefined {
  const first = map.get(name);
  if (first === undefined) map.set(name, index);
  return first;
}

/** Domains compare without regard to case, users do not (RFC 3261 section 19.1.4). */
export function addressOfRecord(spec: RegistrationSpec): string {
  return `${spec.username}@${spec.profile.domain.toLowerCase()}`;
}

/** Places of 100,000 registrations in three rows of numbers. */
export class RegistrationPlaces {
  readonly #files: string[] = [];
  readonly #fileOf: number[] = [];
  readonly #lines: number[] = [];
  readonly #columns: number[] = [];

  /** In the order of loading. */
  add(place: Place): void {
    let file = this.#files.lastIndexOf(place.file);
    if (file < 0) file = this.#files.push(place.file) - 1;
    this.#fileOf.push(file);
    this.#lines.push(place.line);
    this.#columns.push(place.column);
  }

  at(index: number): Place {
    return {
      file: this.#files[this.#fileOf[index] ?? 0] ?? '',
      line: this.#lines[index] ?? 1,
      column: this.#columns[index] ?? 1,
    };
  }
}
