import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type {
  PeerServerRow,
  RegistrationRow,
  Status,
} from '../../../../src/cli/demo/status-feed.ts';
import { changesBetween, summary, table } from '../../../../src/cli/demo/view.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');

const registration = (more: Partial<RegistrationRow> = {}): RegistrationRow => ({
  id: 'one@acme.example',
  state: 'registered',
  bound: true,
  cause: null,
  grantedExpires: 20,
  expiresAt: '2026-01-01T00:00:18Z',
  nextAttemptAt: '2026-01-01T00:00:09Z',
  counters: { succeeded: 3, requests: 4 },
  ...more,
});

const server = (more: Partial<PeerServerRow> = {}): PeerServerRow => ({
  id: 'acme/valencia',
  state: 'up',
  enabled: true,
  cause: null,
  rttMs: 0.4,
  nextProbeAt: '2026-01-01T00:00:05Z',
  ...more,
});

const status = (r: readonly RegistrationRow[], p: readonly PeerServerRow[]): Status => ({
  registrations: r,
  peerServers: p,
});

const DOWN = server({ state: 'down', enabled: false, cause: { text: 'No answer.' } });

describe('changesBetween', () => {
  const well = status([registration()], [server()]);

  it.each([
    [
      'the first look',
      undefined,
      well,
      [
        'registration one@acme.example: registered for 20 s',
        'peer server acme/valencia: enabled (up)',
      ],
    ],
    ['nothing new', well, well, []],
    [
      'a refresh on its way, and its end',
      well,
      status([registration({ state: 'registering' })], [server()]),
      [],
    ],
    [
      'a lost binding',
      well,
      status(
        [registration({ state: 'waiting', bound: false, cause: { text: 'Gone.' } })],
        [server()],
      ),
      ['registration one@acme.example: waiting: Gone.'],
    ],
    [
      'a server that fails',
      well,
      status([registration()], [DOWN]),
      ['peer server acme/valencia: disabled (down): No answer.'],
    ],
    [
      'what is no longer configured',
      well,
      status([], []),
      ['registration one@acme.example: gone', 'peer server acme/valencia: gone'],
    ],
  ])('%s', (_, before, now, lines) => {
    expect(changesBetween(before, now)).toEqual(lines);
  });

  it('does not tell the end of a refresh whose beginning was no news', () => {
    const passing = status([registration({ state: 'registering' })], [server()]);
    expect(changesBetween(passing, well)).toEqual([]);
  });
});

describe('table', () => {
  const both = status([registration()], [DOWN]);
  const lines = (columns: number): readonly string[] =>
    table(both, NOW_MS, { columns, isColoured: true }).map((line) =>
      stripVTControlCharacters(line),
    );

  it('counts seconds from now, and sums up', () => {
    expect(lines(200)).toEqual([
      'REGISTRATION      STATE       EXPIRES IN  NEXT IN  GRANTED',
      'one@acme.example  registered  18 s        9 s      3',
      '',
      'PEER SERVER    STATE            ROUND TRIP  NEXT IN',
      'acme/valencia  disabled (down)  0.4 ms      5 s      No answer.',
      '',
      '1 of 1 registrations bound (2 refreshes), 0 of 1 peer servers enabled',
    ]);
  });

  it('is never wider than the terminal, and closes its colours', () => {
    expect(lines(20).every((line) => line.length <= 20)).toBe(true);
    for (const line of table(both, NOW_MS, { columns: 20, isColoured: true })) {
      const codes = line.match(/\u001b\[\d+m/g) ?? [];
      expect(codes.length % 2).toBe(0);
    }
  });
});

describe('summary', () => {
  it('counts the first REGISTER of each as no refresh', () => {
    const fresh = registration({ counters: { succeeded: 0, requests: 1 }, bound: false });
    expect(summary(status([fresh, registration()], [server(), DOWN]))).toBe(
      '1 of 2 registrations bound (2 refreshes), 1 of 2 peer servers enabled',
    );
  });
});
