/**
 * Keeper of one file with all verdicts as JSON, for whoever reads files: whole at any moment, new at each change and
 * every 20 s, so that a reader can tell by `validUntil` whether anybody still watches.
 */
import type { Consumer, ConsumerPorts, ConsumerState, ContractChoice } from './ports.ts';
import { type PassResult, Reconciler } from './reconciler.ts';
import { verdictsOf } from './verdict-rows.ts';

export interface SnapshotFileSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  readonly mode: 'apply' | 'observe';
  readonly path: string;
}

/** Three times as long as it takes to write it anew. */
const VALID_MS = 60_000;

export class SnapshotFile implements Consumer {
  readonly name: string;
  readonly #spec: SnapshotFileSpec;
  readonly #ports: ConsumerPorts;
  readonly #reconciler: Reconciler;

  constructor(spec: SnapshotFileSpec, ports: ConsumerPorts) {
    this.name = spec.name;
    this.#spec = spec;
    this.#ports = ports;
    const { clock, timers } = ports;
    this.#reconciler = new Reconciler({
      clock,
      timers,
      pass: () => this.#pass(),
      told: (from, state, text) =>
        ports.tell({ kind: 'changed', consumer: this.name, from, state, text }),
    });
  }

  get state(): ConsumerState {
    return this.#reconciler.state;
  }

  start(): void {
    this.#reconciler.start();
  }

  changed(): void {
    this.#reconciler.changed();
  }

  stop(): Promise<void> {
    return this.#reconciler.stop();
  }

  async #pass(): Promise<PassResult> {
    const { path, mode } = this.#spec;
    if (mode === 'observe')
      return { state: 'drifting', text: `${path} would be written (observed)` };
    await this.#ports.files.write(path, this.#text());
    return { state: 'inSync', text: '' };
  }

  #text(): string {
    const { book } = this.#ports;
    const nowMs = this.#ports.wallMs();
    const document = {
      version: 1,
      ...book.revision,
      at: new Date(nowMs).toISOString(),
      validUntil: new Date(nowMs + VALID_MS).toISOString(),
      peeringContracts: verdictsOf(this.#ports, this.#spec.contracts),
    };
    return `${JSON.stringify(document, undefined, 1)}\n`;
  }
}
