/**
 * The stop: bindings stay where they are, so that a restart is seamless, unless `unregisterOnStop` is
 * set; then they are removed, paced, for at most a minute. Nothing here waits without a limit.
 */
import type { Assembly } from './assembly.ts';

/** systemd waits 70 s (TimeoutStopSec of the unit). */
const UNREGISTER_MS = 60_000;
const CLOSE_MS = 2_000;

export interface StopPlan {
  readonly unregister: boolean;
  /** The HTTP server, where there is one. */
  readonly closeHttp: () => Promise<void>;
}

/** Ends when all is closed, or when its time is over. */
export async function stopAssembly(assembly: Assembly, plan: StopPlan): Promise<void> {
  const { keeper, prober, proxies, transport, driver, local } = assembly;
  prober.stop();
  local.stop();
  const stopped = new Promise<void>((resolve) => keeper.stop(plan.unregister, resolve));
  await within(plan.unregister ? UNREGISTER_MS : CLOSE_MS, stopped);
  proxies.stop();
  driver.stop();
  // Until here it says what is going on, and 503 to who wants to be steered (src/http/phase-gate.ts).
  await within(CLOSE_MS, Promise.all([plan.closeHttp(), transport.stop()]));
}

async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
