/** Reads a dispatcher of Kamailio back. */
import { ConsumerFault } from './causes.ts';
import { type Held, readRpcList } from './dispatcher-list.ts';
import { type Rpc, RpcError } from './json-rpc.ts';

export interface DispatcherReading {
  /** Another one after each start of the proxy. */
  readonly incarnation: string;
  readonly held: readonly Held[];
}

export async function askDispatcher(rpc: Rpc): Promise<DispatcherReading> {
  const uptime = await rpc('core.uptime', []);
  const incarnation = String((uptime as { up_since?: unknown } | undefined)?.up_since);
  const held = readRpcList(await rpc('dispatcher.list', []).catch(emptyList));
  if (held === undefined) {
    throw new ConsumerFault('consumer.badAnswer', 'dispatcher.list: no list in the answer');
  }
  return { incarnation, held };
}

/** An error is how Kamailio says that it has no destination at all. */
function emptyList(error: unknown): unknown {
  if (error instanceof RpcError && /no destination sets/i.test(error.message)) return { NRSETS: 0 };
  throw error;
}
