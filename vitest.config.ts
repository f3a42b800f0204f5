import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], more: Record<string, unknown> = {}) => ({
  extends: true as const,
  test: { name, include, ...more },
});

/**
 * Real servers on real time, one file at a time. A busy machine can make one late: such a test gets a
 * second try, and the closing line names it; more than a few in one run are a failure.
 */
const REAL = { fileParallelism: false, retry: 1 };

export default defineConfig({
  test: {
    reporters: ['default', './tools/closing-line.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    passWithNoTests: false,
    projects: [
      // Crowds on virtual time take a while where many share the machine.
      project('unit', ['test/unit/**/*.test.ts'], { testTimeout: 60_000 }),
      project('property', ['test/property/**/*.test.ts'], { testTimeout: 300_000 }),
      project('sim', ['test/sim/**/*.test.ts'], { testTimeout: 900_000 }),
      project('integration', ['test/integration/**/*.test.ts'], {
        testTimeout: 60_000,
        ...REAL,
      }),
      project('interop', ['test/interop/**/*.test.ts'], {
        testTimeout: 300_000,
        hookTimeout: 120_000,
        ...REAL,
      }),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        testTimeout: 180_000,
        hookTimeout: 120_000,
        ...REAL,
      }),
    ],
  },
});
