import { gate, type Part, suite } from './parts.ts';

/** What `npm run check` is: quick, needs nothing beside Node. */
export const GATES: readonly Part[] = [
  gate('format and lint', 'biome', 'check', '--error-on-warnings', '.'),
  gate('types', 'tsc', '-p', 'tsconfig.json'),
  gate('types of the core, pure', 'tsc', '-p', 'src/core/tsconfig.json'),
  gate('dead code', 'knip'),
  suite(['unit', 'property'], 600_000),
];
