/**
 * From a path in the configuration back to file, line and column. The parser sends positions as one
 * flat row; which of them belongs to which container is worked out only when somebody asks, so a
 * configuration without mistakes pays next to nothing.
 */
import type { ParsedText } from './parse-yaml.ts';
import type { PathStep, Place } from './problem.ts';

interface Span {
  readonly source: Source;
  /** Index of the container's own position in the row, in nodes. */
  readonly start: number;
  /** Index after its last descendant. */
  readonly end: number;
}

interface Source {
  readonly file: string;
  readonly positions: Uint32Array;
  /** Added to each line number: for single lines cut from a longer file. */
  readonly lineOffset: number;
}

interface Origin {
  readonly container: object;
  readonly key: string;
}

export class SourceMap {
  readonly #spans = new Map<object, Span>();
  readonly #pending: { readonly source: Source; readonly value: unknown }[] = [];
  readonly #origins = new Map<object, Map<string, Origin>>();

  /** Remembers a parsed text; its value is recognised by identity later. */
  add(file: string, parsed: ParsedText, lineOffset = 0): void {
    const source = { file, positions: parsed.positions, lineOffset };
    this.#pending.push({ source, value: parsed.value });
  }

  /** Tells where an entry came from of a container that stands in no file. */
  link(merged: object, mergedKey: PathStep, container: object, key: PathStep): void {
    const origins = this.#origins.get(merged) ?? new Map<string, Origin>();
    this.#origins.set(merged, origins.set(String(mergedKey), { container, key: String(key) }));
  }

  /**
   * The place of a path below `root`: of the value, or of its key. A path that does not exist, as
   * that of a missing key, gives the nearest thing around it.
   */
  place(root: unknown, path: readonly PathStep[], ofKey: boolean): Place | undefined {
    this.#index();
    let place = this.#placeOfContainer(root);
    let node = root;
    for (const [depth, step] of path.entries()) {
      if (!isContainer(node)) return place;
      const isLast = depth === path.length - 1;
      place = this.#placeOfEntry(node, String(step), isLast && ofKey) ?? place;
      node = Object.hasOwn(node, step) ? (node as Record<PathStep, unknown>)[step] : undefined;
    }
    return place;
  }

  #placeOfContainer(node: unknown): Place | undefined {
    const span = isContainer(node) ? this.#spans.get(node) : undefined;
    return span === undefined ? undefined : placeAt(span.source, span.start);
  }

  #placeOfEntry(node: object, key: string, ofKey: boolean): Place | undefined {
    const origin = this.#origins.get(node)?.get(key);
    if (origin !== undefined) return this.#placeOfEntry(origin.container, origin.key, ofKey);
    const span = this.#spans.get(node);
    if (span === undefined || !Object.hasOwn(node, key)) return undefined;
    const isList = Array.isArray(node);
    let index = span.start + 1;
    for (const [name, child] of Object.entries(node)) {
      const valueIndex = isList ? index : index + 1;
      if (name === key) return placeAt(span.source, ofKey ? index : valueIndex);
      index = isContainer(child) ? (this.#spans.get(child)?.end ?? valueIndex + 1) : valueIndex + 1;
    }
    return undefined;
  }

  #index(): void {
    for (const { source, value } of this.#pending.splice(0)) this.#measure(source, value, 0);
  }

  /** Walks in the parser's order; returns the index after the node. */
  #measure(source: Source, node: unknown, start: number): number {
    if (!isContainer(node)) return start + 1;
    const keyNodes = Array.isArray(node) ? 0 : 1;
    let index = start + 1;
    for (const child of Object.values(node)) {
      index = this.#measure(source, child, index + keyNodes);
    }
    this.#spans.set(node, { source, start, end: index });
    return index;
  }
}

function isContainer(node: unknown): node is object {
  return typeof node === 'object' && node !== null;
}

function placeAt(source: Source, index: number): Place {
  const line = (source.positions[index * 2] ?? 1) + source.lineOffset;
  return { file: source.file, line, column: source.positions[index * 2 + 1] ?? 1 };
}
