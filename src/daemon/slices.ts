/** Long work in short turns. */

/** Between two turns: long enough to be cheap, short enough that no answer waits noticeably. */
const SLICE_MS = 5;

/** Runs `step` for each item, and lets the event loop turn every 5 ms. */
export async function inSlices<T>(items: Iterable<T>, step: (item: T) => void): Promise<void> {
  let sliceEnd = performance.now() + SLICE_MS;
  for (const item of items) {
    step(item);
    if (performance.now() < sliceEnd) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    sliceEnd = performance.now() + SLICE_MS;
  }
}
