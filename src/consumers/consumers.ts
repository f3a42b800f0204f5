/** Keeper of all consumers: starts and stops them as the configuration says, and hands verdicts on. */
import type { HealthEvent } from '../core/health/events.ts';
import { AddressBoard } from './address-board.ts';
import { type AddressListSpec, addressList } from './address-list.ts';
import { askHttp } from './ask-http.ts';
import { type ContactTableSpec, contactTable } from './contact-table.ts';
import { DispatcherConsumer, type DispatcherConsumerSpec } from './dispatcher.ts';
import { jsonRpc } from './json-rpc.ts';
import { type OpensipsSpec, opensips } from './opensips.ts';
import type { Consumer, ConsumerPorts, ConsumerStatus } from './ports.ts';
import { type SnapshotFileSpec, snapshotFile } from './snapshot-file.ts';
import { Webhook, type WebhookSpec } from './webhook.ts';

export type ConsumerSpec =
  | (DispatcherConsumerSpec & { readonly type: 'kamailioDispatcher' })
  | (AddressListSpec & { readonly type: 'kamailioAddress' })
  | (ContactTableSpec & { readonly type: 'kamailioHtable' })
  | (OpensipsSpec & { readonly type: 'opensipsMi' })
  | (SnapshotFileSpec & { readonly type: 'snapshotFile' })
  | (WebhookSpec & { readonly type: 'webhook' });

/** One consumer as it is shown. */
export interface ConsumerReport extends ConsumerStatus {
  readonly name: string;
  readonly type: ConsumerSpec['type'];
  readonly mode: ConsumerSpec['mode'];
}

interface Running {
  readonly spec: ConsumerSpec;
  readonly consumer: Consumer;
}

export class Consumers {
  readonly #ports: ConsumerPorts;
  readonly #board = new AddressBoard();
  readonly #running = new Map<string, Running>();

  constructor(ports: ConsumerPorts) {
    this.#ports = ports;
  }

  /** Makes the consumers those of `specs`; what is the same object runs on, and looks at everything anew. */
  apply(
    specs: readonly ConsumerSpec[],
    isSame: (a: ConsumerSpec, b: ConsumerSpec) => boolean,
  ): void {
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const [name, { spec, consumer }] of this.#running) {
      const after = wanted.get(name);
      if (after !== undefined && isSame(spec, after)) {
        consumer.changed();
        continue;
      }
      this.#running.delete(name);
      void consumer.stop();
    }
    for (const spec of specs) {
      if (this.#running.has(spec.name)) continue;
      const consumer = makeConsumer(spec, this.#ports, this.#board);
      this.#running.set(spec.name, { spec, consumer });
      consumer.start();
    }
  }

  /** A subscriber of the event hub. */
  receive(event: HealthEvent): void {
    for (const { consumer } of this.#running.values()) {
      if (event.type === 'verdict.changed') consumer.changed(event.contract);
      else consumer.heard?.(event);
      // It stands in what is written, and is no verdict of any contract.
      if (event.type === 'verdicts.frozen') consumer.changed();
    }
  }

  /** How each stands, by name. */
  statuses(): ReadonlyMap<string, ConsumerReport> {
    return new Map(
      [...this.#running].map(([name, { spec, consumer }]) => {
        const { type, mode } = spec;
        return [name, { name, type, mode, ...consumer.status }];
      }),
    );
  }

  /** Ends what is under way; what was told stays. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ consumer }) => consumer.stop()));
  }
}

function makeConsumer(spec: ConsumerSpec, ports: ConsumerPorts, board: AddressBoard): Consumer {
  switch (spec.type) {
    case 'kamailioDispatcher': {
      const rpc = spec.rpc === undefined ? undefined : jsonRpc(spec.rpc);
      return new DispatcherConsumer(spec, ports, rpc, board);
    }
    case 'snapshotFile':
      return snapshotFile(spec, ports);
    case 'kamailioAddress': {
      const rpc = spec.rpc === undefined ? undefined : jsonRpc(spec.rpc);
      return addressList(spec, ports, rpc, board);
    }
    case 'kamailioHtable':
      return contactTable(spec, ports, jsonRpc(spec.rpc));
    case 'opensipsMi':
      return opensips(spec, ports, jsonRpc(spec.url));
    case 'webhook':
      return new Webhook(spec, { ...ports, ask: askHttp });
  }
}
