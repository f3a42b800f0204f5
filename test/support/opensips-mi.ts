/**
 * The MI of an OpenSIPS 3 (modules mi_http, dispatcher, drouting), as its documentation and its source have it:
 * https://opensips.org/docs/modules/3.5.x/dispatcher.html, .../3.4.x/drouting.html, .../4.0.x/mi_http.html, and
 * https://github.com/OpenSIPS/opensips. Not for anything else.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { RpcError } from '../../src/consumers/json-rpc.ts';

export interface MiDestination {
  readonly set: number;
  readonly URI: string;
  state: 'Active' | 'Inactive' | 'Probing';
}

export interface MiGateway {
  readonly ID: string;
  readonly IP: string;
  State: 'Active' | 'Inactive' | 'Probing' | 'Disabled MI';
}

type Params = Readonly<Record<string, unknown>>;

export class OpensipsMi {
  destinations: MiDestination[] = [];
  gateways: MiGateway[] = [];
  /** dr_reload has not been done yet. */
  hasNoData = false;
  /** modparam("drouting", "use_partitions", 1) */
  hasPartitions = false;
  /** What was changed, in order. */
  readonly calls: string[] = [];

  /** For tests on virtual time. */
  readonly rpc = async (method: string, params: readonly unknown[] | object): Promise<unknown> => {
    const { result, error } = this.answer(method, params as Params);
    if (error !== undefined) throw new RpcError(method, error.code, error.message);
    return result;
  };

  answer(
    method: string,
    params: Params,
  ): { readonly result?: unknown; readonly error?: { code: number; message: string } } {
    switch (method) {
      case 'ds_list':
        return { result: this.#list() };
      case 'ds_set_state':
        return this.#setState(params);
      case 'dr_gw_status':
        return this.#gatewayStatus(params);
      default:
        return failure(-32601, 'Method not found');
    }
  }

  /** `ds_print_mi_list`: a partition without sets has no SETS. */
  #list(): object {
    const sets = [...new Set(this.destinations.map(({ set }) => set))];
    if (sets.length === 0) return { PARTITIONS: [{ name: 'default' }] };
    const SETS = sets.map((id) => ({
      id,
      Destinations: this.destinations
        .filter(({ set }) => set === id)
        .map(({ URI, state }) => ({ URI, state, first_hit_counter: 0 })),
    }));
    return { PARTITIONS: [{ name: 'default', SETS }] };
  }

  /** `ds_mi_set`: all three are strings, and the address is found as it stands in the table. */
  #setState({ state, group, address }: Params): ReturnType<OpensipsMi['answer']> {
    if (typeof state !== 'string' || typeof group !== 'string' || typeof address !== 'string') {
      return failure(-32602, 'Invalid params');
    }
    const word = { a: 'Active', i: 'Inactive', p: 'Probing' }[state.charAt(0)];
    if (word === undefined) return failure(500, 'Bad state value');
    if (!/^\d+$/.test(group)) return failure(500, 'bad group value');
    const row = this.destinations.find((one) => `${one.set}` === group && one.URI === address);
    if (row === undefined) return failure(404, 'destination not found');
    this.calls.push(`${state} ${group} ${address}`);
    row.state = word as MiDestination['state'];
    return { result: 'OK' };
  }

  /** `mi_dr_gw_status_1`, `_3` and `_4`: the id is a string, the status a number. */
  #gatewayStatus({ gw_id, status }: Params): ReturnType<OpensipsMi['answer']> {
    if (this.hasPartitions) return failure(400, "Missing parameter: 'partition_name'");
    if (this.hasNoData) return failure(404, 'No Data available yet');
    if (gw_id === undefined) return { result: { Gateways: this.gateways } };
    if (typeof gw_id !== 'string') return failure(-32602, 'Invalid params');
    const row = this.gateways.find(({ ID }) => ID === gw_id);
    if (row === undefined) return failure(404, 'GW ID not found');
    if (status === undefined) return { result: { State: row.State } };
    if (typeof status !== 'number') return failure(-32602, 'Invalid params');
    this.calls.push(`${gw_id} ${status}`);
    row.State = status === 0 ? 'Disabled MI' : 'Active';
    return { result: 'OK' };
  }
}

function failure(code: number, message: string): ReturnType<OpensipsMi['answer']> {
  return { error: { code, message } };
}

/** mi_http: POST alone, 500 without a body where the answer does not fit into its buffer. */
export class OpensipsHttp {
  readonly mi = new OpensipsMi();
  bufferOctets = 65_536;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      const { status, text } = this.#handle(request.method ?? '', request.url ?? '', body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  }

  static async start(): Promise<OpensipsHttp> {
    const one = new OpensipsHttp();
    one.#server.listen(0, '127.0.0.1');
    await once(one.#server, 'listening');
    return one;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/mi`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  #handle(method: string, url: string, body: string): { status: number; text: string } {
    if (url !== '/mi') return { status: 404, text: '' };
    if (method !== 'POST') return { status: 405, text: '' };
    if (body === '') return { status: 400, text: '' };
    const request = JSON.parse(body) as { jsonrpc?: string; id?: unknown; method: string };
    const { params = {} } = request as { params?: Params };
    if (request.jsonrpc !== '2.0') return { status: 500, text: '' };
    if (request.id === undefined) return { status: 202, text: '' };
    const { id } = request;
    const text = JSON.stringify({ jsonrpc: '2.0', ...this.mi.answer(request.method, params), id });
    return text.length > this.bufferOctets ? { status: 500, text: '' } : { status: 200, text };
  }
}
