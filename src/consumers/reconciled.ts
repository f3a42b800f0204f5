/** A consumer of which only the pass is its own. */
import type { Consumer, ConsumerPorts } from './ports.ts';
import { type PassResult, Reconciler } from './reconciler.ts';

interface Peculiarities {
  /** Called when it stops. */
  readonly ended?: () => void;
  /** Whether a change of a contract's verdicts is a reason for a pass; without a name: of anything, after a reload. */
  readonly isTouchedBy?: (contract: string | undefined) => boolean;
}

/** `pass` looks at the consumer and mends it; it rejects when that cannot be reached. */
export function reconciled(
  name: string,
  ports: ConsumerPorts,
  pass: () => Promise<PassResult>,
  { ended, isTouchedBy }: Peculiarities = {},
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
    changed: (contract) => {
      if (isTouchedBy?.(contract) ?? true) reconciler.changed();
    },
    stop: () => {
      ended?.();
      return reconciler.stop();
    },
  };
}
