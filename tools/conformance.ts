/** `npm run conformance`: the conformance run alone; docs/conformance.md is written anew from what it gives. */
import { ownNetwork } from './own-network.ts';
import { close, gate, runParts } from './parts.ts';

const TEST = 'test/interop/conformance.test.ts';
const LIMIT_MS = 300_000;

const command = [...ownNetwork(), 'vitest', 'run', '--project', 'interop', TEST, '-u'];
close(
  await runParts([
    gate('build', 'node', 'tools/build.ts'),
    { name: 'conformance', command, timeoutMs: LIMIT_MS, kind: 'vitest' },
  ]),
);
