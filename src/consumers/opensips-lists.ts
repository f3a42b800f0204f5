/**
 * What OpenSIPS 3 answers to `ds_list` and `dr_gw_status`, and whose it is. Pure; what is read is hostile.
 *
 * The commands and their parameters are those of the modules' documentation
 * (https://opensips.org/docs/modules/3.5.x/dispatcher.html, .../3.4.x/drouting.html, sections "Exported MI Functions"), which
 * does not show the answers. Their shapes are those that the modules print: `ds_print_mi_list` in
 * modules/dispatcher/dispatch.c and `mi_dr_list_all_gw` in modules/drouting/drouting.c of
 * https://github.com/OpenSIPS/opensips.
 */
import type { Destination } from './destinations.ts';

export interface DsRow {
  readonly set: number;
  readonly uri: string;
  readonly isActive: boolean;
}

export interface GatewayRow {
  readonly id: string;
  readonly isActive: boolean;
}

/**
 * `{ PARTITIONS: [{ name, SETS: [{ id, Destinations: [{ URI, state }] }] }] }`, a partition without any destination having
 * no SETS; `state` is Active, Inactive or Probing. Undefined when it is not that.
 */
export function readDsList(result: unknown): readonly DsRow[] | undefined {
  const partitions = listIn(result, 'PARTITIONS');
  if (partitions === undefined) return undefined;
  return partitions
    .filter((one) => fieldOf(one, 'name') === undefined || fieldOf(one, 'name') === 'default')
    .flatMap((one) => listIn(one, 'SETS') ?? [])
    .flatMap((set) =>
      (listIn(set, 'Destinations') ?? []).map((row) => ({
        set: Number(fieldOf(set, 'id')),
        uri: String(fieldOf(row, 'URI') ?? ''),
        isActive: /^active$/i.test(String(fieldOf(row, 'state') ?? '')),
      })),
    );
}

/**
 * `{ Gateways: [{ ID, IP, State }] }`; `State` is Active, Inactive, Probing, or Disabled MI after `status=0`. Undefined when
 * it is not that.
 */
export function readGateways(result: unknown): readonly GatewayRow[] | undefined {
  return listIn(result, 'Gateways')?.map((row) => ({
    id: String(fieldOf(row, 'ID') ?? ''),
    isActive: /^active$/i.test(String(fieldOf(row, 'State') ?? '')),
  }));
}

/** Equal where a destination and a row of its list are the same: by set, address, port and transport. */
export function placeKey({ set, uri }: { readonly set: number; readonly uri: string }): string {
  return `${set} ${placeOf(uri)}`;
}

/** Where several servers have one address, the one with the best word: calls may go there. */
export function bestByPlace(
  destinations: readonly Destination[],
): ReadonlyMap<string, Destination> {
  const best = new Map<string, Destination>();
  for (const one of destinations) {
    const place = placeKey(one);
    const known = best.get(place);
    if (known === undefined || goodness(one) > goodness(known)) best.set(place, one);
  }
  return best;
}

function goodness({ state }: Destination): number {
  if (state === 'active') return 2;
  return state === undefined ? 1 : 0;
}

/** RFC 3261 section 19.1.2: what a URI that leaves them out means. */
function placeOf(uri: string): string {
  const [, host = '', port, parameters = ''] =
    /^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?]*)(?::(\d+))?([^?]*)/i.exec(uri) ?? [];
  const [, given] = /;transport=(\w+)/i.exec(parameters) ?? [];
  const transport = (given ?? (/^sips:/i.test(uri) ? 'tls' : 'udp')).toLowerCase();
  return `${host.toLowerCase()} ${port ?? (transport === 'tls' ? '5061' : '5060')} ${transport}`;
}

function listIn(value: unknown, name: string): readonly unknown[] | undefined {
  const list = fieldOf(value, name);
  return Array.isArray(list) ? list : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
