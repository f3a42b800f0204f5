/** What `trunkd status` prints: the rows of the API as tables. */
import { isMap } from '../config/merge-sources.ts';
import { type Cell, cell, harmless, printTable, type Tone } from './table.ts';

/** A row as it came; every field is read with care, since the daemon may be of another version. */
export type Row = Readonly<Record<string, unknown>>;

/** Registrations in trouble come first, and stand in for the rest when there are too many. */
export const MAX_LISTED = 50;

const STATE_TONE: Readonly<Record<string, Tone>> = {
  registered: 'good',
  up: 'good',
  all: 'good',
  rejected: 'bad',
  waiting: 'bad',
  down: 'bad',
  silent: 'bad',
  inSync: 'good',
  failing: 'bad',
  drifting: 'meh',
  none: 'bad',
  refreshFailing: 'meh',
  impaired: 'meh',
  unknown: 'meh',
  some: 'meh',
};

/** Stands first: while verdicts are frozen, what follows says less than it seems to. */
export function printFreeze(frozen: unknown): string {
  if (!isMap(frozen)) return '';
  const until = frozen['until'] === null ? 'trunkd thaw' : `${text(frozen['until'])} at the latest`;
  const line = `Verdicts are frozen since ${text(frozen['since'])}, until ${until}: ${causeText(frozen['cause'])}`;
  return `${harmless(line)}\n`;
}

/** Stands first, too: an operator has all registrations rest. */
export function printPause(paused: unknown): string {
  if (!isMap(paused)) return '';
  const until = paused['until'] === null ? '' : ` or ${text(paused['until'])}`;
  const reason = paused['reason'] === '' ? '' : `: ${text(paused['reason'])}`;
  const line = `Registrations are paused since ${text(paused['since'])}, until trunkd resume${until}, by ${text(paused['by'])}${reason}`;
  return `${harmless(line)}\n`;
}

export function printContracts(rows: readonly Row[], isColoured: boolean): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => [
    cell(text(row['name'])),
    stateCell(row['enabled']),
    cell(text(Array.isArray(row['peerServers']) ? row['peerServers'].length : 0)),
    cell(countsText(row['registrations'])),
  ]);
  return printTable(['peering contract', 'enabled', 'servers', 'registrations'], cells, isColoured);
}

/** SIP proxies of ours. */
export function printProxies(rows: readonly Row[], isColoured: boolean): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => [
    cell(text(row['name'])),
    stateCell(row['state']),
    cell(row['rttMs'] === null ? '-' : `${text(row['rttMs'])} ms`),
    cell(text(row['since'])),
    cell(causeText(row['cause'])),
  ]);
  return printTable(['proxy of ours', 'state', 'rtt', 'since', 'cause'], cells, isColoured);
}

/** Who is told of the verdicts, and whether it holds what it was told. */
export function printConsumers(rows: readonly Row[], isColoured: boolean): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => [
    cell(text(row['name'])),
    cell(row['mode'] === 'observe' ? `${text(row['type'])} (observe)` : text(row['type'])),
    stateCell(row['state']),
    cell(text(row['drift'])),
    cell(text(row['since'])),
    cell(text(row['lastPassAt'])),
    cell(text(row['nextAttemptAt'])),
    cell(causeText(row['cause'])),
  ]);
  const headings = ['consumer', 'type', 'state', 'drift', 'since', 'last pass', 'next', 'cause'];
  return printTable(headings, cells, isColoured);
}

export function printPeerServers(rows: readonly Row[], isColoured: boolean): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => [
    cell(text(row['id'])),
    stateCell(row['state']),
    offeredCell(row),
    cell(row['rttMs'] === null ? '-' : `${text(row['rttMs'])} ms`),
    cell(text(row['since'])),
    cell(causeText(row['cause'])),
  ]);
  const headings = ['peer server', 'state', 'enabled', 'rtt', 'since', 'cause'];
  return printTable(headings, cells, isColoured);
}

export function printRegistrations(rows: readonly Row[], isColoured: boolean): string {
  if (rows.length === 0) return '';
  const sorted = rows.toSorted((a, b) => Number(a['bound'] === true) - Number(b['bound'] === true));
  const listed = sorted.slice(0, MAX_LISTED);
  const cells = listed.flatMap((row) => [registrationCells(row), ...legsOf(row).map(legCells)]);
  const headings = ['registration', 'state', 'bound', 'expires', 'next attempt', 'cause'];
  const left = rows.length - listed.length;
  const more = left > 0 ? `... and ${left} more: trunkd status --json\n` : '';
  return printTable(headings, cells, isColoured) + more;
}

/** What each registrar of a registration holds. */
export function printFetched(items: readonly Row[], isColoured: boolean): string {
  const cells = items.flatMap((item) => {
    const place = cell(text(item['target']));
    const bindings = item['bindings'];
    if (!Array.isArray(bindings))
      return [[place, cell(causeText(item['cause']), 'bad'), cell('-'), cell('-')]];
    if (bindings.length === 0) return [[place, cell('no binding'), cell('-'), cell('-')]];
    return bindings.map((binding: Row) => [
      place,
      cell(text(binding['uri'])),
      cell(text(binding['expires'])),
      cell(binding['isOurs'] === true ? 'yes' : 'no', binding['isOurs'] === true ? 'good' : 'meh'),
    ]);
  });
  return printTable(['registrar', 'binding', 'expires', 'ours'], cells, isColoured);
}

function registrationCells(row: Row): Cell[] {
  return [
    cell(text(row['id'])),
    stateCell(row['state']),
    yesNo(row['bound']),
    cell(text(row['expiresAt'])),
    cell(text(row['nextAttemptAt'])),
    cell(causeText(row['cause'])),
  ];
}

/** Its bindings where it has several. */
function legsOf(row: Row): readonly Row[] {
  const legs = row['legs'];
  return Array.isArray(legs) ? legs.filter((leg) => typeof leg === 'object' && leg !== null) : [];
}

function legCells(leg: Row): Cell[] {
  const [, ...rest] = registrationCells(leg);
  return [cell(`  ${text(leg['registrar'])}`), ...rest];
}

function stateCell(state: unknown): Cell {
  const word = text(state);
  return cell(word, STATE_TONE[word] ?? 'plain');
}

/** A last resort gets calls when there is nothing better, enabled or not. */
function offeredCell(row: Row): Cell {
  return row['lastResort'] === true ? cell('last resort', 'meh') : yesNo(row['enabled']);
}

function yesNo(value: unknown): Cell {
  return value === true ? cell('yes', 'good') : cell('no', 'bad');
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}

function causeText(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null || !('text' in cause)) return '-';
  return text(cause.text);
}

/** `98 registered, 2 waiting`. */
function countsText(counts: unknown): string {
  if (typeof counts !== 'object' || counts === null) return '-';
  const parts = Object.entries(counts).flatMap(([state, count]) =>
    count === 0 ? [] : [`${count} ${state}`],
  );
  return parts.length === 0 ? '-' : parts.join(', ');
}
