/**
 * Keeper of a table (htable) of one Kamailio: the user of our Contact -> the registration that it belongs to, so that a
 * script knows whose call comes in. Read back and mended; what is not ours in the table is removed.
 *
 *   pass:  htable.dump -> differences -> htable.sets, htable.delete, 200 a pass
 */
import { ConsumerFault } from './causes.ts';
import type { Rpc } from './json-rpc.ts';
import { type Consumer, type ConsumerPorts, type ContractChoice, isChosen } from './ports.ts';
import { reconciled } from './reconciled.ts';
import type { PassResult } from './reconciler.ts';

export interface ContactTableSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  readonly mode: 'apply' | 'observe';
  readonly rpc: string;
  readonly table: string;
}

const MAX_CHANGES_A_PASS = 200;
const NEXT_PASS_MS = 100;

export function contactTable(spec: ContactTableSpec, ports: ConsumerPorts, rpc: Rpc): Consumer {
  return reconciled(spec.name, ports, () => pass(spec, ports, rpc));
}

async function pass(
  { contracts, mode, table }: ContactTableSpec,
  ports: ConsumerPorts,
  rpc: Rpc,
): Promise<PassResult> {
  const wanted = new Map<string, string>();
  for (const { id, ddi, contract } of ports.registrations()) {
    if (isChosen(contracts, contract)) wanted.set(ddi, id);
  }
  const held = readDump(await rpc('htable.dump', [table]));
  if (held === undefined) {
    throw new ConsumerFault('consumer.badAnswer', 'htable.dump: no table in the answer');
  }
  const missing = [...wanted].filter(([ddi, id]) => held.get(ddi) !== id);
  const excess = [...held.keys()].filter((ddi) => !wanted.has(ddi));
  const count = missing.length + excess.length;
  if (count === 0) return { state: 'inSync', text: '' };
  const text = `${missing.length} to be set, ${excess.length} to be removed`;
  if (mode === 'observe') {
    return {
      state: 'drifting',
      code: 'consumer.observed',
      text: `${text} (observed)`,
      drift: count,
    };
  }
  for (const [ddi, id] of missing.slice(0, MAX_CHANGES_A_PASS)) {
    await rpc('htable.sets', [table, ddi, id]);
  }
  // What is to come is there before anything goes.
  if (missing.length < MAX_CHANGES_A_PASS) {
    const left = MAX_CHANGES_A_PASS - missing.length;
    for (const ddi of excess.slice(0, left)) await rpc('htable.delete', [table, ddi]);
  }
  return count <= MAX_CHANGES_A_PASS
    ? { state: 'inSync', text: '' }
    : { state: 'drifting', text, drift: count - MAX_CHANGES_A_PASS, againMs: NEXT_PASS_MS };
}

/** The result of `htable.dump`; undefined when it is not one. */
function readDump(result: unknown): ReadonlyMap<string, string> | undefined {
  if (!Array.isArray(result)) return undefined;
  const held = new Map<string, string>();
  for (const entry of result as { slot?: unknown }[]) {
    if (!Array.isArray(entry?.slot)) continue;
    for (const { name, value } of entry.slot as { name?: unknown; value?: unknown }[]) {
      held.set(String(name), String(value));
    }
  }
  return held;
}
