/**
 * The list of Kamailio's dispatcher, as a file (`setid uri flags priority attributes`) and as its RPC command
 * `dispatcher.list` shows it. Pure; what is read is hostile.
 */
import type { Destination, DestinationState } from './destinations.ts';

/** One destination as a proxy holds it. */
export interface Held {
  readonly set: number;
  /** Empty where it has none: not one of ours. */
  readonly duid: string;
  readonly uri: string;
  readonly state: DestinationState | 'trying';
  readonly priority: number;
  readonly weight: number;
  /** Empty where it is the proxy's choice; undefined where the proxy does not tell. */
  readonly socket: string | undefined;
  /** Who added it by RPC; empty where it came by the file, or by others. */
  readonly mark: string;
}

const FLAG: Readonly<Record<DestinationState, number>> = { active: 0, inactive: 1, disabled: 4 };
/** More than fit into an answer that is honest: each takes some 400 octets of 8 MiB. */
const MAX_HELD = 25_000;
/** Not resolved when the list is loaded: a dead DNS must not stop the proxy. */
const SKIP_DNS = 16;
const HEAD =
  '# Made by trunkd, and made anew at every change.\n# setid uri flags priority attributes\n';

/** The whole file. `stateOf` tells the state of what nothing is known of yet. */
export function printList(
  destinations: readonly Destination[],
  stateOf: (destination: Destination) => DestinationState,
): string {
  const lines = destinations.map((one) => {
    const flags = FLAG[one.state ?? stateOf(one)] + (one.isName ? SKIP_DNS : 0);
    return `${one.set} ${one.uri} ${flags} ${one.priority} ${attributesOf(one)}\n`;
  });
  return HEAD + lines.join('');
}

/** `weight` is for algorithm 9, `rweight` for 11, which shares anew when one is out. */
export function attributesOf({ duid, weight, socket }: Destination): string {
  const way = socket === undefined ? '' : `;socket=${socket}`;
  return `weight=${weight};rweight=${weight};duid=${duid}${way}`;
}

/** What a file holds that was written by a trunkd before; lines without a duid are none of ours. */
export function readList(text: string): readonly (Held & { readonly state: DestinationState })[] {
  return text.split('\n').flatMap((line) => {
    const [, set, uri = '', flags, priority, attributes = ''] =
      /^(\d+) (\S+) (\d+) (\d+) (\S+)$/.exec(line.trim()) ?? [];
    const named = readAttributes(attributes);
    const duid = named.get('duid') ?? '';
    if (duid === '') return [];
    const bits = Number(flags);
    return {
      ...{ set: Number(set), duid, uri, priority: Number(priority) },
      state: bits & 4 ? 'disabled' : bits & 1 ? 'inactive' : 'active',
      weight: Number(named.get('weight') ?? 0),
      socket: named.get('socket') ?? '',
      mark: '',
    };
  });
}

/** The states in it, by duid. */
export function statesInList(text: string): ReadonlyMap<string, DestinationState> {
  return new Map(readList(text).map(({ duid, state }) => [duid, state]));
}

function readAttributes(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(';').map((one) => {
      const [name = '', ...value] = one.split('=');
      return [name, value.join('=')];
    }),
  );
}

/** The host of a SIP URI, without brackets. */
export function addressIn(uri: string): string | undefined {
  const [, six, host] = /^sips?:(?:[^@]*@)?(?:\[([^\]]*)\]|([^:;?>]+))/i.exec(uri) ?? [];
  return six ?? host;
}

/** The result of `dispatcher.list`; undefined when it is not one. */
export function readRpcList(result: unknown): readonly Held[] | undefined {
  const records = fieldOf(result, 'RECORDS');
  // Without any destination there are no records at all.
  if (records === undefined && fieldOf(result, 'NRSETS') !== undefined) return [];
  if (!Array.isArray(records)) return undefined;
  const found: Held[] = [];
  for (const record of records) {
    const set = fieldOf(record, 'SET');
    const targets = fieldOf(set, 'TARGETS');
    if (!Array.isArray(targets)) continue;
    if (found.length + targets.length > MAX_HELD) return undefined;
    for (const one of targets)
      found.push(readHeld(Number(fieldOf(set, 'ID')), fieldOf(one, 'DEST')));
  }
  return found;
}

function readHeld(set: number, dest: unknown): Held {
  const attributes = fieldOf(dest, 'ATTRS');
  const socket = fieldOf(attributes, 'SOCKET');
  const letter = String(fieldOf(dest, 'FLAGS') ?? '').charAt(0);
  return {
    set,
    duid: String(fieldOf(attributes, 'DUID') ?? ''),
    uri: String(fieldOf(dest, 'URI') ?? ''),
    state: STATES.get(letter) ?? 'active',
    priority: Number(fieldOf(dest, 'PRIORITY') ?? 0),
    weight: Number(fieldOf(attributes, 'WEIGHT') ?? 0),
    socket: socket === null ? '' : typeof socket === 'string' ? socket : undefined,
    mark: readAttributes(String(fieldOf(attributes, 'BODY') ?? '')).get('trunkd') ?? '',
  };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

const STATES: ReadonlyMap<string, Held['state']> = new Map([
  ['A', 'active'],
  ['I', 'inactive'],
  ['D', 'disabled'],
  ['T', 'trying'],
]);
