/** From two looks at the status to lines, and from one look to a table. Pure but for the colours. */
import { styleText } from 'node:util';
import type { PeerServerRow, RegistrationRow, Status } from './status-feed.ts';

/** One line for each state that is not what it was; everything is new when there is no `before`. */
export function changesBetween(before: Status | undefined, now: Status): readonly string[] {
  const lines: string[] = [];
  const known = new Map(before?.registrations.map((row) => [row.id, row]));
  for (const row of now.registrations) {
    const was = known.get(row.id);
    known.delete(row.id);
    if (was !== undefined && lasting(was) === lasting(row)) continue;
    lines.push(`registration ${row.id}: ${lasting(row)}${details(row)}`);
  }
  for (const id of known.keys()) lines.push(`registration ${id}: gone`);
  const servers = new Map(before?.peerServers.map((row) => [row.id, row]));
  for (const row of now.peerServers) {
    const was = servers.get(row.id);
    servers.delete(row.id);
    if (was?.state === row.state && was.enabled === row.enabled) continue;
    lines.push(`peer server ${row.id}: ${verdict(row)}${because(row)}`);
  }
  for (const id of servers.keys()) lines.push(`peer server ${id}: gone`);
  return lines;
}

/** A refresh on its way is no news: the binding holds. */
function lasting({ state, bound }: RegistrationRow): string {
  return bound && state === 'registering' ? 'registered' : state;
}

function details(row: RegistrationRow): string {
  if (lasting(row) === 'registered' && row.grantedExpires !== null) {
    return ` for ${row.grantedExpires} s`;
  }
  return because(row);
}

function verdict({ state, enabled }: PeerServerRow): string {
  return `${enabled ? 'enabled' : 'disabled'} (${state})`;
}

function because({ cause }: RegistrationRow | PeerServerRow): string {
  return cause === null ? '' : `: ${cause.text}`;
}

/** What the whole run came to, in one line. */
export function summary({ registrations, peerServers }: Status): string {
  const bound = registrations.filter((row) => row.bound).length;
  const enabled = peerServers.filter((row) => row.enabled).length;
  const refreshes = registrations.reduce(
    (sum, { counters }) => sum + Math.max(0, counters.succeeded - 1),
    0,
  );
  return (
    `${bound} of ${registrations.length} registrations bound (${refreshes} refreshes), ` +
    `${enabled} of ${peerServers.length} peer servers enabled`
  );
}

/** The state of everything as lines of at most `columns` characters; `nowMs` is wall-clock time. */
export function table(status: Status, nowMs: number, columns: number): readonly string[] {
  const registrations = status.registrations.map((row) => [
    row.id,
    paint(lasting(row), row.bound),
    inSeconds(row.expiresAt, nowMs),
    inSeconds(row.nextAttemptAt, nowMs),
    `${row.counters.succeeded}`,
  ]);
  const servers = status.peerServers.map((row) => [
    row.id,
    paint(verdict(row), row.enabled),
    row.rttMs === null ? '-' : `${row.rttMs} ms`,
    inSeconds(row.nextProbeAt, nowMs),
    row.cause?.text ?? '',
  ]);
  return [
    ...aligned(['REGISTRATION', 'STATE', 'EXPIRES IN', 'NEXT IN', 'REFRESHED'], registrations),
    '',
    ...aligned(['PEER SERVER', 'STATE', 'ROUND TRIP', 'NEXT IN', ''], servers),
    '',
    summary(status),
  ].map((line) => cut(line, columns));
}

type Cell = string | Painted;

/** Text whose colour codes do not count as width. */
interface Painted {
  readonly text: string;
  readonly colour: 'green' | 'red';
}

function paint(text: string, isGood: boolean): Painted {
  return { text, colour: isGood ? 'green' : 'red' };
}

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);

function aligned(head: readonly string[], rows: readonly (readonly Cell[])[]): readonly string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => textOf(row[column] ?? '').length)),
  );
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, column) => {
        const padded = textOf(cell).padEnd(widths[column] ?? 0);
        return typeof cell === 'string' ? padded : styleText(cell.colour, padded);
      })
      .join('  ')
      .trimEnd();
  return [styleText('bold', line(head)), ...rows.map(line)];
}

function inSeconds(time: string | null, nowMs: number): string {
  return time === null ? '-' : `${Math.max(0, Math.round((Date.parse(time) - nowMs) / 1000))} s`;
}

/** Cuts by what is seen; a colour that would be left open is closed. */
function cut(line: string, columns: number): string {
  let seen = 0;
  let result = '';
  for (const part of line.split(COLOUR_CODE)) {
    if (part.startsWith('\u001b')) {
      result += part;
    } else {
      result += part.slice(0, Math.max(0, columns - seen));
      seen += part.length;
    }
  }
  return result;
}

const COLOUR_CODE = /(\u001b\[\d+m)/;
