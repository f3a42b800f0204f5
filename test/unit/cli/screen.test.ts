/** What stands on the screen: columns, and nothing that a peer could draw there. */
import { describe, expect, it } from 'vitest';
import {
  MAX_LISTED,
  printContracts,
  printPause,
  printPeerServers,
  printRegistrations,
} from '../../../src/cli/status-page.ts';
import { cell, printLines, printTable } from '../../../src/cli/table.ts';

const cause = { code: 'timeout.response', text: 'No answer came.', next: '' };

describe('tables', () => {
  it('has columns as wide as their widest cell', () => {
    const rows = [
      [cell('a'), cell('long text'), cell('x')],
      [cell('longer'), cell('b'), cell('')],
    ];
    expect(printTable(['one', 'two', 'three'], rows, false)).toBe(
      'ONE     TWO        THREE\na       long text  x\nlonger  b\n',
    );
  });

  it('colours words only where that is wanted', () => {
    const rows = [[cell('down', 'bad')]];
    expect(printTable(['state'], rows, true)).toContain('\u001b[31mdown\u001b[39m');
    expect(printTable(['state'], rows, false)).not.toContain('\u001b');
  });

  it.each(['\u001b[2J', 'a\r\nb', '\u202eabc', '\u0007', '\u0085'])(
    'makes %j harmless',
    (hostile) => {
      const text = printTable(['reason'], [[cell(hostile)]], false) + printLines([['x', hostile]]);
      expect(text).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u);
      expect(text.split('\n')).toHaveLength(4);
    },
  );

  it('cuts what is too long for a cell', () => {
    expect(cell('x'.repeat(500)).text).toHaveLength(80);
  });
});

describe('status', () => {
  const row = (id: string, bound: boolean) => ({
    id,
    state: bound ? 'registered' : 'waiting',
    bound,
    expiresAt: null,
    nextAttemptAt: '2026-01-02T03:04:05.000Z',
    cause: bound ? null : cause,
  });

  it('says first that registrations are paused, by whom and until when', () => {
    const paused = { since: 'S', until: null, by: 'http ::1', reason: 'a move' };
    expect(printPause(paused)).toBe(
      'Registrations are paused since S, until trunkd resume, by http ::1: a move\n',
    );
    expect(printPause({ ...paused, until: 'T', reason: '' })).toBe(
      'Registrations are paused since S, until trunkd resume or T, by http ::1\n',
    );
    expect([printPause(null), printPause(undefined)]).toEqual(['', '']);
    expect(printPause({ ...paused, reason: '\u001b[2J\n' })).not.toMatch(/\u001b|\n./);
  });

  it('shows trouble first, and says how much it leaves out', () => {
    const rows = Array.from({ length: 60 }, (_, index) => row(`user${index}`, index !== 55));
    const lines = printRegistrations(rows, false).trimEnd().split('\n');
    expect(lines[1]).toMatch(/^user55 +waiting +no +- +2026-01-02T03:04:05.000Z +No answer came.$/);
    expect(lines).toHaveLength(MAX_LISTED + 2);
    expect(lines.at(-1)).toBe('... and 10 more: trunkd status --json');
  });

  it('shows servers and contracts', () => {
    const server = { id: 'acme/x', state: 'unknown', enabled: true, lastResort: true, rttMs: null };
    expect(printPeerServers([{ ...server, since: 's', cause }], false)).toMatch(
      /^acme\/x +unknown +last resort +- +s +No answer came\.$/m,
    );
    const down = { ...server, state: 'down', enabled: false, since: 's', cause };
    expect(printPeerServers([down], false)).toMatch(/^acme\/x +down +last resort +- +s /m);
    expect(printPeerServers([{ ...down, lastResort: false }], false)).toMatch(
      /^acme\/x +down +no /m,
    );
    const registrations = { registered: 2, waiting: 0, rejected: 1 };
    const contract = { name: 'acme', enabled: 'some', peerServers: [server], registrations };
    expect(printContracts([contract], false)).toMatch(/^acme +some +1 +2 registered, 1 rejected$/m);
  });

  it('survives rows of another version', () => {
    expect(printRegistrations([{}], false)).toMatch(/^- +- +no/m);
    expect(printPeerServers([{}], false)).toContain('-');
    expect(printContracts([{}], false)).toContain('-');
    expect(printRegistrations([], false)).toBe('');
  });
});
