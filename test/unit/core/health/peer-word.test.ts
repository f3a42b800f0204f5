import { describe, expect, it } from 'vitest';
import { type Fault, fault } from '../../../../src/core/base/fault.ts';
import type { PeerState } from '../../../../src/core/health/events.ts';
import {
  type PeerFacts,
  rollUp,
  stricter,
  type TargetFacts,
  wordOf,
} from '../../../../src/core/health/peer-word.ts';
import type { Admin } from '../../../../src/core/health/spec.ts';
import { aServer, PLAN } from '../../../support/health/probe-lab.ts';

const NO_SOCKET: Fault = fault('transport.noSocket', 'local');

function target(name: PeerState, more: Partial<TargetFacts> = {}): TargetFacts {
  return { name, isMute: false, voidFault: undefined, ...more };
}

const UNKNOWN = target('unknown');
const UP = target('up');
const IMPAIRED = target('impaired');
const DOWN = target('down');
const MUTE = target('unknown', { isMute: true });
const VOID = target('unknown', { voidFault: NO_SOCKET });

function word(targets: readonly TargetFacts[], more: Partial<PeerFacts> = {}): string {
  const facts = {
    spec: aServer('192.0.2.9'),
    admin: 'up' as Admin,
    isLost: false,
    requirement: 'met' as const,
    isHeldBack: false,
    isTryAll: false,
  };
  const { state, enabled, lastResort } = wordOf({ ...facts, targets, ...more });
  return `${state} ${enabled ? 'enabled' : 'disabled'}${lastResort ? ' lastResort' : ''}`;
}

describe('the word for targets', () => {
  const rows: readonly (readonly [string, readonly TargetFacts[], string])[] = [
    ['none yet', [], 'unknown enabled'],
    ['unknown', [UNKNOWN], 'unknown enabled'],
    ['up', [UP], 'up enabled'],
    ['impaired', [IMPAIRED], 'impaired enabled'],
    ['down', [DOWN], 'down disabled'],
    ['mute', [MUTE], 'unknown enabled lastResort'],
    ['void', [VOID], 'unknown enabled'],
    ['any up is up', [DOWN, UP, IMPAIRED, UNKNOWN], 'up enabled'],
    ['impaired before unknown', [DOWN, UNKNOWN, IMPAIRED], 'impaired enabled'],
    ['unknown before down', [DOWN, UNKNOWN], 'unknown enabled'],
    ['all down', [DOWN, DOWN], 'down disabled'],
    ['a mute one saves no down one', [DOWN, MUTE], 'down disabled'],
    ['nor does one that we cannot probe', [VOID, DOWN], 'down disabled'],
    ['a mute one does not harm', [UP, MUTE], 'up enabled'],
    ['mute and unknown', [MUTE, UNKNOWN], 'unknown enabled'],
    ['mute and void', [MUTE, VOID], 'unknown enabled lastResort'],
  ];

  it.each(rows)('%s', (_, targets, expected) => expect(word(targets)).toBe(expected));
});

describe('what people want', () => {
  it.each<[Admin, string, string, string]>([
    ['up', 'up enabled', 'down disabled', 'unknown enabled lastResort'],
    ['drain', 'up disabled', 'down disabled', 'unknown disabled'],
    ['off', 'unknown disabled', 'unknown disabled', 'unknown disabled'],
  ])('admin %s', (admin, up, down, mute) => {
    expect(word([UP], { admin })).toBe(up);
    expect(word([DOWN], { admin })).toBe(down);
    expect(word([MUTE], { admin })).toBe(mute);
  });

  it('whenNeverUp: disabled', () => {
    const spec = aServer('192.0.2.9', { whenNeverUp: 'disabled' });
    expect(word([MUTE], { spec })).toBe('unknown disabled');
    expect(word([UNKNOWN], { spec })).toBe('unknown enabled');
    expect(word([], { spec, isLost: true })).toBe('unknown disabled');
    expect(word([MUTE], { spec, isTryAll: true })).toBe('unknown disabled lastResort');
  });

  it('a name that was never found ranks last', () => {
    expect(word([], { isLost: true })).toBe('unknown enabled lastResort');
  });

  it('mode off: enabled, whatever is known', () => {
    const spec = aServer('192.0.2.9', { probe: { ...PLAN, mode: 'off' } });
    expect(word([], { spec, isLost: true })).toBe('unknown enabled');
    expect(word([], { spec, admin: 'drain' })).toBe('unknown disabled');
  });

  it('tryAll offers what is down, never what is drained or off', () => {
    expect(word([DOWN], { isTryAll: true })).toBe('down disabled lastResort');
    expect(word([DOWN], { isTryAll: true, admin: 'drain' })).toBe('down disabled');
    expect(word([DOWN], { isTryAll: true, admin: 'off' })).toBe('unknown disabled');
  });

  it('the stricter of two wins', () => {
    const admins: readonly Admin[] = ['up', 'drain', 'off'];
    for (const [a, one] of admins.entries()) {
      for (const [b, other] of admins.entries()) {
        expect(stricter(one, other)).toBe(admins[Math.max(a, b)]);
      }
    }
  });
});

describe('the roll-up of a contract', () => {
  it.each([
    [0, 0, 'all'],
    [0, 1, 'none'],
    [1, 1, 'all'],
    [0, 3, 'none'],
    [1, 3, 'some'],
    [2, 3, 'some'],
    [3, 3, 'all'],
  ] as const)('%i of %i: %s', (enabled, servers, expected) => {
    expect(rollUp(enabled, servers)).toBe(expected);
  });
});
