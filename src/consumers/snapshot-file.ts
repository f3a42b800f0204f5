/**
 * Keeper of one file with all verdicts as JSON, for whoever reads files: whole at any moment, new at each change and
 * every 20 s, so that a reader can tell by `validUntil` whether anybody still watches.
 */
import type { Consumer, ConsumerPorts, ContractChoice } from './ports.ts';
import { reconciled } from './reconciled.ts';
import type { PassResult } from './reconciler.ts';
import { freezeRow, verdictsOf } from './verdict-rows.ts';

export interface SnapshotFileSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  readonly mode: 'apply' | 'observe';
  readonly path: string;
}

/** Three times as long as it takes to write it anew. */
const VALID_MS = 60_000;

export function snapshotFile(spec: SnapshotFileSpec, ports: ConsumerPorts): Consumer {
  return reconciled(spec.name, ports, () => pass(spec, ports));
}

async function pass(
  { path, mode, contracts }: SnapshotFileSpec,
  ports: ConsumerPorts,
): Promise<PassResult> {
  if (mode === 'observe') {
    const text = `${path} would be written (observed)`;
    return { state: 'drifting', code: 'consumer.observed', text };
  }
  const nowMs = ports.wallMs();
  const document = {
    version: 1,
    ...ports.book.revision,
    at: new Date(nowMs).toISOString(),
    validUntil: new Date(nowMs + VALID_MS).toISOString(),
    ...freezeRow(ports),
    peeringContracts: verdictsOf(ports, contracts),
  };
  await ports.files.write(path, `${JSON.stringify(document, undefined, 1)}\n`);
  return { state: 'inSync', text: '' };
}
