import { describe, expect, it } from 'vitest';
import { type Fault, type FaultCode, fault } from '../../../../src/core/base/fault.ts';
import { instant } from '../../../../src/core/base/instant.ts';
import { verdictOfStatus } from '../../../../src/core/health/answer-policy.ts';
import {
  type Finding,
  findingOf,
  MAX_HOLD_MS,
  printableReason,
  type Verdict,
} from '../../../../src/core/health/verdict.ts';
import { policyNamed } from '../../../support/health/findings.ts';
import { FLOW } from '../../../support/health/scripted-network.ts';
import { parsed, responseWire } from '../../../support/wire.ts';

function answered(status: number, ...lines: string[]): Finding {
  return findingOf({
    kind: 'response',
    response: parsed(responseWire(status, ...lines)),
    status,
    flow: FLOW,
    sentAt: instant(0),
    rttMs: 1,
    requests: 1,
    refusal: undefined,
    isAuthenticated: false,
  });
}

function failed(reason: Fault): Finding {
  return findingOf({ kind: 'failed', fault: reason, wasSent: true, requests: 1 });
}

describe('the verdict of a final answer', () => {
  const bad = [408, 430, 477, 478, 500, 502, 503, 504];
  const impaired = [483, 600, 603, 604, 606, 607, 699];
  const good = [
    200, 202, 299, 300, 302, 305, 400, 401, 403, 404, 405, 406, 407, 410, 415, 416, 420, 423, 429,
    431, 476, 479, 480, 481, 482, 484, 486, 488, 489, 493, 494, 501, 505, 513, 580, 599,
  ];

  it.each(bad)('%i is bad', (status) => expect(verdictOfStatus(status)).toBe('bad'));
  it.each(impaired)('%i is impaired', (status) => expect(verdictOfStatus(status)).toBe('impaired'));
  it.each(good)('%i is good', (status) => expect(verdictOfStatus(status)).toBe('good'));
});

describe('the named policies', () => {
  const rows = [
    ['strict', [200, 299], [404, 401, 480], [302, 408, 430, 503, 500, 603]],
    ['anyResponse', [200, 302, 404, 408, 503, 603, 699], [], []],
    ['teams', [200, 202], [], [302, 401, 404, 408, 503, 603]],
    ['cisco', [200, 404, 408, 500, 603], [], [503, 505]],
    ['freeswitch', [200, 404, 500, 504], [], [408, 503, 600, 603]],
  ] as const;
  const expected = (all: readonly number[], verdict: string) => {
    return all.map((status) => [status, verdict]);
  };

  it.each(rows)('%s', (name, good, impaired, bad) => {
    const policy = policyNamed(name);
    const found = (all: readonly number[]) => {
      return all.map((status) => [status, verdictOfStatus(status, policy)]);
    };
    expect(found(good)).toEqual(expected(good, 'good'));
    expect(found(impaired)).toEqual(expected(impaired, 'impaired'));
    expect(found(bad)).toEqual(expected(bad, 'bad'));
  });
});

describe('what a fault says', () => {
  const rows: readonly (readonly [FaultCode, Fault['blame'], Finding['kind'], Verdict])[] = [
    ['timeout.response', 'peer', 'silence', 'bad'],
    ['timeout.connect', 'network', 'silence', 'bad'],
    ['timeout.tlsHandshake', 'peer', 'refusal', 'bad'],
    ['transport.refused', 'peer', 'refusal', 'bad'],
    ['transport.unreachable', 'network', 'refusal', 'bad'],
    ['transport.unreachable', 'local', 'none', 'void'],
    ['transport.closed', 'peer', 'refusal', 'bad'],
    ['transport.overflow', 'peer', 'refusal', 'bad'],
    ['transport.local', 'local', 'none', 'void'],
    ['transport.noSocket', 'config', 'none', 'void'],
    ['tls.identity', 'peer', 'refusal', 'bad'],
    ['tls.untrusted', 'config', 'refusal', 'bad'],
    ['tls.expired', 'peer', 'refusal', 'bad'],
    ['tls.handshake', 'peer', 'refusal', 'bad'],
    ['dns.notFound', 'config', 'none', 'void'],
    ['dns.failed', 'network', 'none', 'void'],
    ['dns.timeout', 'network', 'none', 'void'],
    ['cancelled', 'local', 'none', 'void'],
  ];

  it.each(rows)('%s, blamed on %s: %s', (code, blame, kind, verdict) => {
    expect(failed(fault(code, blame))).toMatchObject({ kind, verdict, fault: { code } });
  });

  it('a time-out is never a 408, and a 408 never a time-out', () => {
    expect(failed(fault('timeout.response', 'peer'))).not.toHaveProperty('code');
    expect(answered(408)).toMatchObject({ kind: 'answer', code: 408 });
  });
});

describe('Retry-After', () => {
  const rows: readonly (readonly [number, string, number])[] = [
    [503, '120', 120_000],
    [503, '5 (busy);duration=60', 5_000],
    [503, '86400', MAX_HOLD_MS],
    [503, '99999999999999', MAX_HOLD_MS],
    [503, '0', 0],
    [503, 'soon', 0],
    [503, '-5', 0],
    [500, '120', 0],
    [486, '120', 0],
  ];

  it.each(rows)('of a %i with %s holds for %i ms', (status, value, holdMs) => {
    expect(answered(status, `Retry-After: ${value}`)).toMatchObject({ holdMs });
  });
});

describe('the reason phrase of a stranger', () => {
  it('is cut, and shows nothing that a terminal obeys', () => {
    expect(printableReason('OK')).toBe('OK');
    expect(printableReason('\x1b[31mred\x00\x7f\xe9')).toBe('?[31mred???');
    expect(printableReason('x'.repeat(5_000))).toHaveLength(64);
  });
});
