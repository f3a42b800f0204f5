/** The small parts of the daemon: senders, self-check, signals, beats, journal. */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { success } from '../../../src/core/base/fault.ts';
import { type Instant, instant } from '../../../src/core/base/instant.ts';
import { TimerQueue } from '../../../src/core/base/timer-queue.ts';
import type { Target } from '../../../src/core/sip/locate/target.ts';
import { statusLine } from '../../../src/daemon/beat.ts';
import { isJournal } from '../../../src/daemon/journal.ts';
import { watchdogBeatMs } from '../../../src/daemon/notify.ts';
import { Readiness } from '../../../src/daemon/readiness.ts';
import { RememberingLocator, Senders } from '../../../src/daemon/senders.ts';
import { listenToSignals } from '../../../src/daemon/signals.ts';
import {
  aPeerServer,
  aRegistration,
  FakeHealthBook,
  FakeRegistrationBook,
} from '../../support/fake-books.ts';

describe('senders', () => {
  it.each([
    ['127.0.0.1', 'allowed'],
    ['10.1.2.3', 'allowed'],
    ['10.2.0.1', 'stranger'],
    ['192.0.2.7', 'allowed'],
    ['192.0.2.8', 'stranger'],
    ['2001:db8::5', 'allowed'],
    ['2001:db9::5', 'stranger'],
  ])('%s is %s', (address, sender) => {
    const allow = ['127.0.0.0/8', '10.1.0.0/16', '192.0.2.7', '2001:db8::/32'];
    expect(new Senders(allow).senderOf(address)).toBe(sender);
  });

  it('targets that were found may send; a reload may change who else', () => {
    const senders = new Senders([]);
    const target: Target = { protocol: 'udp', address: '198.51.100.7', port: 5060, family: 4 };
    const locator = new RememberingLocator(
      { locate: (_hop, receive) => receive(success([target]), instant(5)) },
      senders,
    );
    expect(senders.senderOf('198.51.100.7')).toBe('stranger');
    const heard: unknown[] = [];
    const hop = { host: 'x.example', port: undefined, protocol: undefined, secure: false };
    locator.locate(hop, (result, freshUntil) => heard.push(result, freshUntil));
    expect(heard).toEqual([success([target]), 5]);
    expect(senders.senderOf('198.51.100.7')).toBe('target');
    senders.setAllowed(['203.0.113.0/24']);
    expect(senders.senderOf('203.0.113.9')).toBe('allowed');
    expect(senders.senderOf('198.51.100.7')).toBe('target');
  });
});

describe('readiness', () => {
  it('lives while the timer queue moves, and is stuck when it does not', () => {
    let now = 0;
    const clock = { now: (): Instant => instant(now) };
    const timers = new TimerQueue();
    const readiness = new Readiness(clock, timers);
    readiness.start();
    expect(readiness.isReady()).toBe(false);
    readiness.becomeReady();
    expect(readiness.isReady()).toBe(true);
    for (now = 0; now < 60_000; now += 1_000) timers.advance(instant(now));
    expect(readiness.isAlive()).toBe(true);
    now += 12_000;
    expect(readiness.isAlive()).toBe(true);
    now += 5_000;
    expect(readiness.isAlive()).toBe(false);
    timers.advance(instant(now));
    expect(readiness.isAlive()).toBe(true);
  });

  it('is not ready again once the stop has begun, and leaves no timer', () => {
    const timers = new TimerQueue();
    const readiness = new Readiness({ now: () => instant(0) }, timers);
    readiness.start();
    readiness.becomeReady();
    readiness.becomeStopping();
    readiness.becomeReady();
    expect(readiness.isReady()).toBe(false);
    expect(timers.size).toBe(0);
  });
});

describe('signals', () => {
  function aSource() {
    const source = new EventEmitter();
    const heard: string[] = [];
    const forget = listenToSignals(source, {
      stop: (signal) => heard.push(`stop ${signal}`),
      stopAtOnce: (signal) => heard.push(`at once ${signal}`),
      reload: () => heard.push('reload'),
    });
    const send = (signal: string) => source.emit(signal, signal);
    return { source, heard, forget, send };
  }

  it('reload, stop, and at once; nothing reloads any more after that', () => {
    const { heard, send } = aSource();
    for (const signal of ['SIGHUP', 'SIGTERM', 'SIGHUP', 'SIGINT']) send(signal);
    expect(heard).toEqual(['reload', 'stop SIGTERM', 'at once SIGINT']);
  });

  it('lets go', () => {
    const { source, forget } = aSource();
    forget();
    expect(source.eventNames()).toEqual([]);
  });
});

describe('systemd', () => {
  it.each([
    [{}, undefined],
    [{ WATCHDOG_USEC: '30000000' }, 10_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: `${process.pid}` }, 10_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }, undefined],
    [{ WATCHDOG_USEC: 'soon' }, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
  ])('watchdog of %j every %s ms', (env, beatMs) => {
    expect(watchdogBeatMs(env)).toBe(beatMs);
  });

  it('the status line counts', () => {
    const registrations = new FakeRegistrationBook([
      aRegistration('a'),
      aRegistration('b', { state: 'waiting', bound: false }),
    ]);
    const peers = new FakeHealthBook([aPeerServer('acme/x', { enabled: false })]);
    expect(statusLine(registrations, peers)).toBe(
      '1 of 2 registrations registered; 0 of 1 peer servers enabled',
    );
  });

  it('a variable that names another stream is no journal', () => {
    expect(isJournal(1, undefined)).toBe(false);
    expect(isJournal(1, '')).toBe(false);
    expect(isJournal(1, '0:0')).toBe(false);
  });
});
