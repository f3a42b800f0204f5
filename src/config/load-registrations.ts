/**
 * The registrations of one contract: items of the tree, and lines of bulk files (JSON Lines). Both
 * take the same way; only the place of a problem is found differently.
 */
import type { RegistrationSpec } from '../core/registration/spec.ts';
import { expansion } from './expand.ts';
import { locateInLine, parseJsonLine } from './json-line.ts';
import type { LoadSurroundings } from './load-contract.ts';
import { PlainRegistrations } from './plain-registration.ts';
import { type Complaint, type PathStep, type Place, printPath } from './problem.ts';
import { LineReader } from './read-lines.ts';
import { type RegistrationSettings, registrationSchema } from './schema/registration.ts';
import { COST } from './slices.ts';
import { SourceMap } from './source-map.ts';
import { RegistrationPlanner, type RegistrationSurroundings } from './to-registration.ts';
import { validate } from './validate.ts';

export class RegistrationLoader {
  readonly #around: LoadSurroundings;
  readonly #registrations: RegistrationSpec[];
  readonly #planner: RegistrationPlanner;
  readonly #plain = new PlainRegistrations();
  /** False when contract or top have problems: only each value by itself is checked then. */
  readonly #isGood: boolean;
  /** Reused from line to line: nearly all of them have nothing to say. */
  #complaints: Complaint[] = [];

  constructor(
    around: LoadSurroundings,
    surroundings: RegistrationSurroundings,
    registrations: RegistrationSpec[],
    isGood: boolean,
  ) {
    this.#around = around;
    this.#registrations = registrations;
    this.#planner = new RegistrationPlanner(surroundings);
    this.#isGood = isGood;
  }

  /** Items of the tree, which stands at `path`. */
  async loadItems(items: readonly unknown[], path: readonly PathStep[]): Promise<void> {
    const { reporter, slices, env } = this.#around;
    for (const [index, item] of items.entries()) {
      const itemPath = [...path, index];
      const place = () => reporter.place(itemPath);
      const range = expansion(item, env, this.#complaints);
      if (range !== undefined) await this.#takeRange(range, place);
      else if (slices.spend(this.#take(item, place))) await slices.pause();
      reporter.report(itemPath, this.#takeComplaints());
    }
  }

  /** Lines of a file; `path` is where the tree names it. Returns how many registrations it has. */
  async loadFile(file: string, path: readonly PathStep[]): Promise<number> {
    const { reporter, slices } = this.#around;
    const reader = LineReader.open(file);
    if (typeof reader === 'string') {
      reporter.report(path, [{ path: [], text: `the file ${file} ${reader}` }]);
      return 0;
    }
    let count = 0;
    try {
      for (let line = reader.next(); line !== undefined; line = reader.next()) {
        if (line.trim() === '') continue;
        count += 1;
        const cost = this.#takeLine(line, file, reader.lineNumber);
        if (typeof cost !== 'number') await cost;
        else if (slices.spend(cost)) await slices.pause();
      }
    } finally {
      reader.close();
    }
    const { failure } = reader;
    if (failure !== undefined)
      reporter.report(path, [{ path: [], text: `the file ${file} ${failure}` }]);
    else if (count === 0) reporter.warn(reporter.place(path), path, `the file ${file} is empty`);
    return count;
  }

  /** Returns the cost of what was done; a range of accounts is done in slices of its own. */
  #takeLine(line: string, file: string, lineNumber: number): number | Promise<void> {
    const { reporter, env } = this.#around;
    const start = { file, line: lineNumber, column: 1 };
    const parsed = parseJsonLine(line);
    if (parsed.kind === 'broken') {
      reporter.add({ ...start, column: parsed.column }, { path: [], text: parsed.text });
      return COST.schema;
    }
    let cost: number = COST.schema;
    if (parsed.kind === 'value') {
      const range = expansion(parsed.value, env, this.#complaints);
      if (range !== undefined) return this.#takeRangeOfLine(range, line, start);
      cost = this.#take(parsed.value, () => start);
    } else {
      this.#complaints.push(DUPLICATE);
    }
    return this.#concludeLine(line, start, cost);
  }

  async #takeRangeOfLine(range: Iterable<unknown>, line: string, start: Place): Promise<void> {
    await this.#takeRange(range, () => start);
    const { slices } = this.#around;
    if (slices.spend(this.#concludeLine(line, start, COST.plain))) await slices.pause();
  }

  /** Up to the first that has a fault: the others have it as well. */
  async #takeRange(range: Iterable<unknown>, place: () => Place): Promise<void> {
    const { slices } = this.#around;
    for (const one of range) {
      if (this.#complaints.length > 0) return;
      if (slices.spend(this.#take(one, place))) await slices.pause();
    }
  }

  #concludeLine(line: string, start: Place, cost: number): number {
    const { reporter } = this.#around;
    const complaints = this.#takeComplaints();
    if (complaints.length === 0) return cost;
    if (reporter.isFull(complaints)) {
      reporter.countOnly(complaints);
      return cost;
    }
    this.#reportLine(line, start, complaints);
    return COST.located;
  }

  /** Finds the columns of what was complained of, by parsing the line once more. */
  #reportLine(line: string, start: Place, complaints: readonly Complaint[]): void {
    const { reporter } = this.#around;
    const located = locateInLine(line);
    const lineOffset = start.line - 1;
    for (const problem of located.problems) {
      reporter.add({ ...start, column: problem.column }, problem);
    }
    // The parser names the key that stands twice; it knows better.
    if (complaints[0] === DUPLICATE && located.problems.length > 0) return;
    const map = new SourceMap();
    map.add(start.file, located, lineOffset);
    const told = new Set(located.problems.map((problem) => printPath(problem.path)));
    for (const complaint of complaints) {
      if (told.has(printPath(complaint.path)) && complaint.path.length > 0) continue;
      const place = map.place(located.value, complaint.path, complaint.isAboutKey === true);
      reporter.add(place ?? start, complaint);
    }
  }

  /** Checks one raw registration and keeps its spec; complaints wait in the field. */
  #take(raw: unknown, place: () => Place): number {
    const isPlain = this.#plain.accepts(raw);
    const settings = isPlain ? raw : this.#validate(raw);
    const known = this.#registrations.length;
    if (settings !== undefined && this.#isGood) this.#plan(settings, place);
    if (this.#registrations.length === known) this.#around.unsound.add(raw);
    return isPlain ? COST.plain : COST.schema;
  }

  #validate(raw: unknown): RegistrationSettings | undefined {
    const checked = validate(registrationSchema, raw, this.#around.env);
    if (checked.ok) return checked.value;
    this.#complaints.push(...checked.complaints);
    return undefined;
  }

  #plan(settings: RegistrationSettings, place: () => Place): void {
    const { unique, registrationPlaces } = this.#around;
    const spec = this.#planner.plan(settings, this.#complaints);
    if (spec === undefined) return;
    const clashes = unique.claim(spec, this.#registrations.length);
    for (const clash of clashes) {
      const first = registrationPlaces.at(clash.first);
      const text = `${clash.text} in ${first.file}:${first.line}, too`;
      this.#complaints.push({ path: clash.path, text });
    }
    registrationPlaces.add(place());
    this.#registrations.push(spec);
  }

  #takeComplaints(): readonly Complaint[] {
    const complaints = this.#complaints;
    if (complaints.length > 0) this.#complaints = [];
    return complaints;
  }
}

const DUPLICATE: Complaint = { path: [], text: 'a key stands twice in this line' };
