/** Several files as one tree, with links back to where each entry came from. */
import { quoted } from './parse-yaml.ts';
import type { PathStep, Place, ProblemList } from './problem.ts';
import type { SourceMap } from './source-map.ts';

/** Lays the files over each other: lists are joined, sections merged, nothing may be said twice. */
export class Merger {
  readonly #map: SourceMap;
  readonly #problems: ProblemList;

  constructor(map: SourceMap, problems: ProblemList) {
    this.#map = map;
    this.#problems = problems;
  }

  merge(parts: readonly unknown[]): unknown {
    const sections: Readonly<Record<string, unknown>>[] = [];
    for (const [index, part] of parts.entries()) {
      const place = this.#map.place(part, [], false);
      if (!isMap(part)) {
        this.#complain(place, [], 'the file has to hold a section with keys');
      } else if (index > 0 && Object.hasOwn(part, 'include')) {
        this.#complain(place, ['include'], "'include' stands in the main file only");
      } else {
        sections.push(part);
      }
    }
    return this.#mergeSections(sections, []);
  }

  #mergeSections(
    sections: readonly Readonly<Record<string, unknown>>[],
    path: readonly PathStep[],
  ): Record<string, unknown> {
    const merged: Record<string, unknown> = {};
    for (const name of new Set(sections.flatMap((section) => Object.keys(section)))) {
      const owners = sections.filter((section) => Object.hasOwn(section, name));
      merged[name] = this.#mergeValues(owners, name, [...path, name]);
      const [first] = owners;
      if (first !== undefined) this.#map.link(merged, name, first, name);
    }
    return merged;
  }

  #mergeValues(
    owners: readonly Readonly<Record<string, unknown>>[],
    name: string,
    path: readonly PathStep[],
  ): unknown {
    const values = owners.map((owner) => owner[name]);
    const [first] = values;
    if (values.length === 1) return first;
    if (values.every(isMap)) return this.#mergeSections(values, path);
    if (values.every(Array.isArray)) return this.#joinLists(values);
    for (const owner of owners.slice(1)) {
      if (owner[name] === first) continue;
      const [before] = owners;
      const there = before && this.#map.place(before, [name], true);
      const where = there === undefined ? '' : `: it stands in ${there.file}:${there.line}, too`;
      this.#complain(
        this.#map.place(owner, [name], true),
        path,
        `${quoted(name)} can be set once${where}`,
      );
    }
    return first;
  }

  #joinLists(lists: readonly (readonly unknown[])[]): unknown[] {
    const joined: unknown[] = [];
    for (const list of lists) {
      for (const [index, item] of list.entries()) {
        this.#map.link(joined, joined.length, list, index);
        joined.push(item);
      }
    }
    return joined;
  }

  #complain(place: Place | undefined, path: readonly PathStep[], text: string): void {
    this.#problems.add(place ?? { file: '', line: 1, column: 1 }, { path, text });
  }
}

/** A map as the parser made it. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
