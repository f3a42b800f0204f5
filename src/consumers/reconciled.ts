/** A consumer of which only the pass is its own. */
import type { Consumer, ConsumerPorts } from './ports.ts';
import { type PassResult, Reconciler } from './reconciler.ts';

/** `pass` looks at the consumer and mends it; it rejects when that cannot be reached. `ended` is called at its end. */
export function reconciled(
  name: string,
  ports: ConsumerPorts,
  pass: () => Promise<PassResult>,
  ended: () => void = () => {},
): Consumer {
  const { clock, timers } = ports;
  const reconciler = new Reconciler({
    clock,
    timers,
    pass,
    told: (from, { state, cause, nextAttemptAt }) =>
      ports.tell({ kind: 'changed', consumer: name, from, state, cause, nextAttemptAt }),
  });
  return {
    name,
    get state() {
      return reconciler.state;
    },
    get status() {
      return reconciler.status;
    },
    start: () => reconciler.start(),
    changed: () => reconciler.changed(),
    stop: () => {
      ended();
      return reconciler.stop();
    },
  };
}
