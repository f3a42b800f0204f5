/** Signals to words: SIGTERM and SIGINT stop, the second of them at once; SIGHUP reloads. */

export interface SignalPlan {
  readonly stop: (signal: NodeJS.Signals) => void;
  readonly stopAtOnce: (signal: NodeJS.Signals) => void;
  readonly reload: () => void;
}

/** Where signals come from: the process, or a test. */
export interface SignalSource {
  on(signal: NodeJS.Signals, receive: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, receive: (signal: NodeJS.Signals) => void): unknown;
}

/** Returns the function that lets go of the signals. */
export function listenToSignals(source: SignalSource, plan: SignalPlan): () => void {
  let stops = 0;
  const stop = (signal: NodeJS.Signals) => {
    stops += 1;
    if (stops === 1) plan.stop(signal);
    else plan.stopAtOnce(signal);
  };
  const reload = () => {
    // A reload that comes while we stop has nothing left to change.
    if (stops === 0) plan.reload();
  };
  source.on('SIGTERM', stop);
  source.on('SIGINT', stop);
  source.on('SIGHUP', reload);
  return () => {
    source.off('SIGTERM', stop);
    source.off('SIGINT', stop);
    source.off('SIGHUP', reload);
  };
}
