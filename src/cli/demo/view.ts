/** From two looks at the status to lines, and from one look to a table. Pure. */
import { cell, printTable } from '../table.ts';
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
export function table(
  status: Status,
  nowMs: number,
  terminal: { readonly columns: number; readonly isColoured: boolean },
): readonly string[] {
  const { columns, isColoured } = terminal;
  const registrations = status.registrations.map((row) => [
    cell(row.id),
    cell(lasting(row), row.bound ? 'good' : 'bad'),
    cell(inSeconds(row.expiresAt, nowMs)),
    cell(inSeconds(row.nextAttemptAt, nowMs)),
    cell(`${row.counters.succeeded}`),
  ]);
  const servers = status.peerServers.map((row) => [
    cell(row.id),
    cell(verdict(row), row.enabled ? 'good' : 'bad'),
    cell(row.rttMs === null ? '-' : `${row.rttMs} ms`),
    cell(inSeconds(row.nextProbeAt, nowMs)),
    cell(row.cause?.text ?? ''),
  ]);
  const text = [
    printTable(
      ['registration', 'state', 'expires in', 'next in', 'granted'],
      registrations,
      isColoured,
    ),
    printTable(['peer server', 'state', 'round trip', 'next in', ''], servers, isColoured),
    summary(status),
  ];
  return text
    .join('\n')
    .split('\n')
    .map((line) => cut(line, columns));
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
