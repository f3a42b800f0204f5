/** For our own bugs only; what the network does wrong is a Fault. Nobody catches it but the top. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`This should be true: ${claim}`);
}

/** Ends a switch over a tagged union: the compiler proves that no case is missing. */
export function unreachable(value: never): never {
  throw new Error(`This value should not exist: ${JSON.stringify(value)}`);
}
