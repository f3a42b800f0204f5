/**
 * `npm test`: everything. Brings the Debian packages that the tests need (as root), builds, checks, and
 * runs the tests. `npm run test:long` is the same at full size (TRUNKD_TEST_SCALE=full).
 */
import { missingPackages } from './debian.ts';
import { GATES } from './gates.ts';
import { ownNetwork } from './own-network.ts';
import { close, gate, runParts, suite, sum } from './parts.ts';

const MINUTE_MS = 60_000;
const stretch = process.env['TRUNKD_TEST_SCALE'] === 'full' ? 8 : 1;
const limit = (minutes: number): number => minutes * stretch * MINUTE_MS;

const missing = missingPackages();
const first = await runParts([gate('build', 'node', 'tools/build.ts'), ...GATES]);

// Two at a time, one for each core. Interop takes longest and mostly waits for real servers.
const inOwnNetwork = ownNetwork();
const [interop, others] = await Promise.all([
  runParts([suite(['interop'], limit(25), inOwnNetwork)]),
  runParts(
    [
      suite(['sim'], limit(15)),
      suite(['integration'], limit(10), inOwnNetwork),
      suite(['e2e'], limit(10), inOwnNetwork),
    ],
    'hold',
  ),
]);

if (missing.length > 0) {
  // Tests that need them failed or could not start: never let that look like a pass.
  console.log(
    `\nMissing Debian packages: ${missing.join(' ')} (run as root to have them installed)`,
  );
}
close(sum([first, interop, others, { passed: 0, failed: missing.length, skipped: 0 }]));
