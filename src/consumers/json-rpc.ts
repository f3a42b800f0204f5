/** JSON-RPC 2.0 over HTTP, as the jsonrpcs module of Kamailio and mi_http of OpenSIPS speak it. */
import { askHttp } from './ask-http.ts';
import { ConsumerFault } from './causes.ts';

/** An answer that says no; `rpcCode` and text are the proxy's. */
export class RpcError extends ConsumerFault {
  readonly rpcCode: number;

  constructor(method: string, rpcCode: number, text: string) {
    super('consumer.refused', `${method}: ${text.slice(0, 200)} (${rpcCode})`);
    this.rpcCode = rpcCode;
  }
}

/** Asks for one method; what comes back is hostile until it is parsed. */
export type Rpc = (method: string, params: readonly unknown[] | object) => Promise<unknown>;

export function jsonRpc(url: string): Rpc {
  let id = 0;
  return async (method, params) => {
    id += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', method, params, id });
    const { status, text } = await askHttp({ url, body });
    const answer = readObject(text);
    if (answer === undefined) {
      throw new ConsumerFault('consumer.badAnswer', `${method}: HTTP ${status}, and no JSON`);
    }
    const { error } = answer;
    if (typeof error === 'object' && error !== null) {
      const { code, message } = error as Readonly<Record<string, unknown>>;
      throw new RpcError(method, Number(code), String(message));
    }
    return answer['result'];
  };
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    // Whatever it is, it is no answer.
    return undefined;
  }
}
