import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** So many tests with real servers may need their second try (vitest.config.ts) in one run. */
const SECOND_TRIES_MAX = 2;

/**
 * Ends a run with `Tests: 3 passed, 0 failed, 0 skipped` alone on its line; where TRUNKD_TEST_COUNTS
 * names a file, the counts go there instead, for whoever adds them up (tools/parts.ts).
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    const secondTry: string[] = [];
    for (const module of modules) {
      // A file that does not load, or a hook that throws, must not look like a pass.
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // Skipped although nobody asked for it: it could not run, so it did not pass.
        const couldNotRun = state === 'skipped' && test.options.mode === 'run';
        count[couldNotRun ? 'failed' : state] += 1;
        if (test.diagnostic()?.flaky === true)
          secondTry.push(`${module.relativeModuleId} > ${test.fullName}`);
      }
    }
    for (const name of secondTry) console.log(`Passed at the second try only: ${name}`);
    const { passed, skipped } = count;
    // A test that never ran to its end did not pass, nor did a run that had to try everywhere twice.
    const failed = count.failed + count.pending + Math.max(0, secondTry.length - SECOND_TRIES_MAX);
    const file = process.env['TRUNKD_TEST_COUNTS'];
    if (file !== undefined) writeFileSync(file, JSON.stringify({ passed, failed, skipped }));
    else console.log(`Tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
}
