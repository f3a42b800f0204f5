/** The log lines, field by field as others rely on them. */
import { describe, expect, it } from 'vitest';
import { instant } from '../../../src/core/base/instant.ts';
import { Secret } from '../../../src/core/base/secret.ts';
import type { RegistrationEvent } from '../../../src/core/registration/events.ts';
import { DaemonLog } from '../../../src/observe/log.ts';
import { A_CAUSE, aPeerServerSpec, aRegistrationSpec, CANARY } from '../../support/fake-books.ts';
import { aWallClock } from '../../support/observers.ts';

type Changed = Extract<RegistrationEvent, { type: 'registration.changed' }>;

function aLog(level: 'debug' | 'info' | 'warn' = 'info', isJournal = false) {
  const text: string[] = [];
  const log = new DaemonLog({
    level,
    sink: { write: (line) => text.push(line) },
    wallClock: aWallClock(),
    isJournal,
  });
  return { log, text, lines: () => text.map((line) => JSON.parse(line)) };
}

function changed(changes: Partial<Changed>): Changed {
  return {
    type: 'registration.changed',
    at: instant(0),
    spec: aRegistrationSpec('alice'),
    from: 'registering',
    state: 'registered',
    bound: true,
    isLapse: false,
    cause: undefined,
    nextAttemptAt: undefined,
    ...changes,
  };
}

describe('registration.changed', () => {
  it('has the fields of the contract, and labels', () => {
    const { log, lines } = aLog();
    log.receive(changed({ nextAttemptAt: instant(60_000) }));
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        event: 'registration.changed',
        registration: 'alice',
        state: 'registered',
        bound: true,
        cause: null,
        from: 'registering',
        contract: 'acme',
        labels: { customer: 'big' },
      },
    ]);
  });

  it('tells cause, fault and the next attempt with its time', () => {
    const { log, lines } = aLog();
    log.receive(
      changed({ state: 'waiting', bound: false, cause: A_CAUSE, nextAttemptAt: instant(30_000) }),
    );
    expect(lines()[0]).toMatchObject({
      level: 'warn',
      state: 'waiting',
      bound: false,
      cause: {
        code: 'timeout.response',
        text: 'No answer came. At fault: the other side.',
        next: 'We try again. Next attempt at 2026-01-02T03:04:35.000Z.',
      },
    });
  });

  it.each([
    ['rejected', 'error'],
    ['waiting', 'warn'],
    ['refreshFailing', 'warn'],
    ['registered', 'info'],
    ['unregistering', 'info'],
    ['off', 'info'],
    ['registering', 'debug'],
  ] as const)('%s is %s', (state, level) => {
    const { log, lines } = aLog('debug');
    log.receive(changed({ state, cause: A_CAUSE }));
    expect(lines()).toMatchObject([{ level }]);
  });

  it('a start of 100,000 attempts is silent at info', () => {
    const { log, text } = aLog();
    log.receive(changed({ from: 'idle', state: 'registering' }));
    expect(text).toEqual([]);
  });

  it('leaves repeats of the same trouble out and counts them', () => {
    const { log, lines } = aLog();
    const trouble = changed({ state: 'waiting', bound: false, cause: A_CAUSE });
    for (let n = 0; n < 4; n += 1) log.receive(trouble);
    log.receive(changed({ state: 'waiting', bound: false, cause: { ...A_CAUSE, code: 'other' } }));
    log.receive(changed({}));
    log.receive(trouble);
    expect(lines().map(({ state, cause, repeats }) => [state, cause?.code, repeats])).toEqual([
      ['waiting', 'timeout.response', undefined],
      ['waiting', 'other', 3],
      ['registered', undefined, undefined],
      ['waiting', 'timeout.response', undefined],
    ]);
  });
});

describe('the other lines', () => {
  it('peerServer.changed has the fields of the contract', () => {
    const { log, lines } = aLog();
    log.receive({
      type: 'peerServer.changed',
      at: instant(0),
      spec: aPeerServerSpec('acme/madrid'),
      from: 'up',
      state: 'down',
      enabled: false,
      wasEnabled: true,
      lastResort: false,
      cause: A_CAUSE,
      nextProbeAt: instant(3_000),
    });
    expect(lines()).toMatchObject([
      {
        level: 'warn',
        event: 'peerServer.changed',
        peerServer: 'acme/madrid',
        state: 'down',
        enabled: false,
        cause: { code: 'timeout.response', next: expect.stringContaining('03:04:08.000Z') },
      },
    ]);
  });

  it.each([
    ['never answered: the notice is its one alarm', 'unknown', true, true, 'info'],
    ['ranked last after it answered', 'up', true, true, 'warn'],
    ['slow', 'impaired', true, false, 'warn'],
    ['well', 'up', true, false, 'info'],
    ['gone', 'down', false, false, 'warn'],
  ] as const)('a peer server that is %s', (_name, state, enabled, lastResort, level) => {
    const { log, lines } = aLog();
    log.receive({
      type: 'peerServer.changed',
      at: instant(0),
      spec: aPeerServerSpec('acme/madrid'),
      from: 'unknown',
      state,
      enabled,
      wasEnabled: true,
      lastResort,
      cause: A_CAUSE,
      nextProbeAt: undefined,
    });
    expect(lines()).toMatchObject([{ level, state, lastResort }]);
  });

  it.each([
    ['all', 'info'],
    ['some', 'warn'],
    ['none', 'error'],
  ] as const)('a contract with %s is %s', (enabled, level) => {
    const { log, lines } = aLog();
    const at = instant(0);
    const told = { at, contract: 'acme', enabled, was: 'all', offers: 'enabled' } as const;
    log.receive({ type: 'peeringContract.changed', ...told });
    expect(lines()).toMatchObject([{ level, contract: 'acme', enabled }]);
  });

  it('a notice is an error where the configuration is at fault', () => {
    const { log, lines } = aLog();
    const notice = { type: 'registration.noticed', at: instant(0), contract: 'acme' } as const;
    log.receive({ ...notice, registration: undefined, cause: A_CAUSE });
    log.receive({ ...notice, registration: 'alice', cause: { ...A_CAUSE, blame: 'config' } });
    expect(lines()).toMatchObject([
      { level: 'warn', registration: null },
      { level: 'error', registration: 'alice' },
    ]);
  });

  it('peer servers are named by contract and name in every line', () => {
    const { log, lines } = aLog('debug');
    const who = { at: instant(0), contract: 'acme', peerServer: 'madrid' };
    log.receive({ ...who, type: 'peerServer.noticed', cause: A_CAUSE });
    log.receive({
      ...who,
      type: 'probe.finished',
      target: 'udp:192.0.2.1:5060',
      verdict: 'good',
      code: 200,
      rttMs: 1,
    });
    expect(lines()).toMatchObject([{ peerServer: 'acme/madrid' }, { peerServer: 'acme/madrid' }]);
  });

  it('ready is what starters wait for', () => {
    const { log, lines } = aLog();
    log.write('info', 'ready', { version: '1.0' });
    expect(lines()).toMatchObject([{ event: 'ready', version: '1.0' }]);
  });

  it('each line ends with a newline, and starts with its priority in the journal only', () => {
    const plain = aLog('debug');
    const journal = aLog('debug', true);
    for (const { log } of [plain, journal]) {
      log.write('debug', 'ready');
      log.write('info', 'ready');
      log.write('warn', 'ready');
      log.write('error', 'ready');
    }
    expect(plain.text.every((line) => line.startsWith('{') && line.endsWith('}\n'))).toBe(true);
    expect(journal.text.map((line) => line.slice(0, 4))).toEqual(['<7>{', '<6>{', '<4>{', '<3>{']);
  });

  it('a secret that gets into fields prints as [secret]', () => {
    const { log, text } = aLog();
    log.write('info', 'ready', { spec: aRegistrationSpec('alice'), bare: new Secret(CANARY) });
    expect(text[0]).toContain('[secret]');
    expect(text[0]).not.toContain(CANARY);
  });
});
