import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], more: Record<string, unknown> = {}) => ({
  extends: true as const,
  test: { name, include, ...more },
});

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
        fileParallelism: false,
      }),
      project('interop', ['test/interop/**/*.test.ts'], {
        testTimeout: 300_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        testTimeout: 180_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
    ],
  },
});
