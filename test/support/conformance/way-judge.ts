/** How the other sides judge what came by way of our own proxy, and calls that were relayed. Pure. */
import type { Binding, SeenRequest } from '../kamailio.ts';
import { fieldsOf } from '../relay-rig.ts';
import type { Protocol } from './quirk-case.ts';
import type { StateRow } from './trial.ts';

export type WayId = 'via/held' | 'via/call' | 'relay/call';

export const WAY_TITLES: Readonly<Record<WayId, string>> = {
  'via/held':
    'through our own Kamailio: the provider sees its address alone, no Route, and its Contact; never a lapse',
  'via/call': 'the provider calls: its INVITE reaches our Kamailio, from the true address',
  'relay/call':
    'a whole call down the flow of a registration: INVITE, re-INVITE, ACK and BYE reach the proxy, with their source',
};

export interface ViaBooks {
  readonly protocol: Protocol;
  /** `host:port` of our proxy. */
  readonly place: string;
  readonly bindings: readonly Binding[];
  readonly requests: readonly SeenRequest[];
  readonly lapses: number;
  readonly row: StateRow | undefined;
}

/** Of a minute and a bit. */
const FEWEST_REQUESTS = 5;

export function flawsOfVia(books: ViaBooks): readonly string[] {
  const { protocol, place, bindings, requests, lapses, row } = books;
  const [host = '', port = ''] = place.split(':');
  const isOurs = (one: SeenRequest): boolean =>
    one.sourceAddress === host && (protocol !== 'udp' || String(one.sourcePort) === port);
  return [
    ...(bindings.length === 1 ? [] : [`${bindings.length} bindings`]),
    ...(bindings.every(({ address }) => address.includes(`@${place}`)) ? [] : ['another Contact']),
    ...(requests.length > FEWEST_REQUESTS ? [] : [`only ${requests.length} requests`]),
    ...(requests.every(isOurs) ? [] : ['another source than our proxy']),
    ...(requests.every((one) => one.protocol === protocol) ? [] : ['another transport']),
    ...(requests.some(({ hasRoute }) => hasRoute) ? ['a Route reached the provider'] : []),
    ...(lapses === 0 ? [] : [`${lapses} lapses`]),
    ...(row?.bound === true ? [] : [`we say ${row?.state} (${row?.cause?.code})`]),
  ];
}

export interface CallBooks {
  /** Of caller and callee: `0` when all went as it should. */
  readonly results: readonly string[];
  /** What the callee received: INVITEs, ACKs, BYEs. */
  readonly requests: readonly (readonly string[])[];
  readonly source: string;
  readonly user: string;
}

export function flawsOfCall(books: CallBooks | undefined): readonly string[] {
  if (books === undefined) return ['there was no call'];
  const { results, requests, source, user } = books;
  const flaws = results.filter((result) => result !== '0');
  if (requests.some((some) => some.length === 0)) flaws.push('a request is missing');
  for (const text of requests.flat().map((wire) => wire.replaceAll('\n', '\r\n'))) {
    const told = [fieldsOf(text, 'X-Trunkd-Source'), fieldsOf(text, 'X-Trunkd-Registration')];
    if (JSON.stringify(told) !== JSON.stringify([[source], [user]])) {
      flaws.push(`told ${JSON.stringify(told)}`);
    }
  }
  return [...new Set(flaws)];
}
