import { describe, expect, it } from 'vitest';
import { instant } from '../../../../src/core/base/instant.ts';
import { step } from '../../../../src/core/registration/machine.ts';
import { ADAPTED, initialState } from '../../../../src/core/registration/machine-state.ts';
import { judge } from '../../../../src/core/registration/outcome.ts';
import {
  CLASS_TABLE,
  type FailureClass,
  REFUSAL_TABLE,
  STATUS_TABLE,
} from '../../../../src/core/registration/outcome-table.ts';
import { type AnswerFacts, aFailure, anAnswer } from '../../../support/registration/answers.ts';

const OURS = 'sip:d1@203.0.113.10:5060';
const ATTEMPTED = {
  username: 'alice',
  contactUri: OURS,
  askedSec: 600,
  target: 'udp:192.0.2.1:5060',
  outbound: 'off',
  adapted: 0,
} as const;

/** Answers that differ from the rule of their hundred, written down here once more; 401, 407 and 423 have rules of their own. */
const HAS_ITS_OWN: ReadonlySet<number> = new Set([
  ...[401, 403, 404, 407, 408, 423, 429, 430, 439, 480, 486, 491],
  ...[503, 600, 603, 604],
]);

const judged = (status: number, facts: AnswerFacts = {}, adapted = 0) =>
  judge(anAnswer(status, facts), { ...ATTEMPTED, adapted });

function failureOf(status: number, facts: AnswerFacts = {}, adapted = 0) {
  const verdict = judged(status, facts, adapted);
  if (verdict.kind !== 'failed') throw new Error(`${status} is judged ${verdict.kind}`);
  return verdict;
}

describe('200', () => {
  it.each([
    ['our Contact', [`Contact: <${OURS}>;expires=120`], 120, 'own'],
    ['other case, default port left out', ['Contact: <sip:d1@203.0.113.10>;expires=90'], 90, 'own'],
    ['more parameters', [`Contact: <${OURS}>;q=0.5;expires=70;x=y`], 70, 'own'],
    ['an addr-spec without brackets', [`Contact: ${OURS};expires=40`], 40, 'own'],
    ['among others', [`Contact: <sip:x@192.0.2.3>;expires=9, <${OURS}>;expires=80`], 80, 'own'],
    ['only the Expires header', [`Contact: <${OURS}>`, 'Expires: 45'], 45, 'own'],
    ['neither: as asked', [`Contact: <${OURS}>`], 600, 'own'],
    ['garbage counts as an hour', [`Contact: <${OURS}>;expires=soon`], 3600, 'own'],
    ['2^70 counts as an hour', [`Contact: <${OURS}>;expires=99999999999999999999`], 3600, 'own'],
    ['a year counts as a week', [`Contact: <${OURS}>;expires=31536000`], 604_800, 'own'],
    ['rewritten by a NAT', ['Contact: <sip:d1@198.51.100.7:40000>;expires=40'], 40, 'rewritten'],
    ['rewritten altogether', ['Contact: <sip:x7f@192.0.2.1>;expires=300'], 300, 'rewritten'],
    [
      'rewritten beside another device',
      ['Contact: <sip:d1@198.51.100.7:40000>;expires=60, <sip:bob@192.0.2.5>;expires=30'],
      60,
      'rewritten',
    ],
  ])('with %s', (_, lines, grantedSec, match) => {
    expect(judged(200, { lines, sentAt: instant(77) })).toMatchObject({
      kind: 'bound',
      grantedSec,
      match,
      sentAt: 77,
    });
  });

  it.each([
    ['no Contact at all', []],
    ['only another device that is about to end', ['Contact: <sip:alice@192.0.2.9:5060>;expires=7']],
    ['several unknown', ['Contact: <sip:a@192.0.2.4>;expires=60, <sip:b@192.0.2.5>;expires=30']],
    ['our Contact with expires=0', [`Contact: <${OURS}>;expires=0`]],
    ['our Contact and Expires: 0', [`Contact: <${OURS}>`, 'Expires: 0']],
    ['Contact: *', ['Contact: *']],
    ['an empty Contact', ['Contact: ']],
  ])('with %s is not bound', (_, lines) => {
    const verdict = failureOf(200, { lines });
    expect(verdict).toMatchObject({ failure: 'transient', lostBinding: true });
    expect(verdict.cause.code).toBe('registration.notBound');
  });

  it('any other 2xx counts as 200', () => {
    expect(judged(202, { lines: [`Contact: <${OURS}>;expires=50`] }).kind).toBe('bound');
  });
});

describe('refused challenges', () => {
  it.each([
    [{ kind: 'credentials', realm: 'acme' }, 'rejected', 'auth.credentialsRefused', 'config'],
    [
      { kind: 'realm', offered: 'evil', expected: 'acme' },
      'config',
      'auth.realmMismatch',
      'config',
    ],
    [
      { kind: 'downgrade', offered: 'MD5', proven: 'SHA-256' },
      'config',
      'auth.downgradeRefused',
      'peer',
    ],
    [{ kind: 'unusable', reason: 'only Basic' }, 'config', 'auth.unusableChallenge', 'peer'],
    [{ kind: 'loop' }, 'rejected', 'auth.challengeLoop', 'peer'],
    [{ kind: 'noCredentials' }, 'config', 'auth.noCredentials', 'config'],
  ] as const)('%o', (refusal, failure, code, blame) => {
    for (const status of [401, 407]) {
      const verdict = failureOf(status, { refusal });
      expect(verdict).toMatchObject({ failure, lostBinding: false });
      expect(verdict.cause).toMatchObject({ code, blame });
    }
  });

  it('name target, user and realm, and no password', () => {
    const { cause } = failureOf(401, { refusal: { kind: 'credentials', realm: 'acme' } });
    for (const word of ['udp:192.0.2.1:5060', 'alice', 'acme']) expect(cause.text).toContain(word);
  });

  it('show text of the peer without control characters', () => {
    const refusal = { kind: 'credentials', realm: `a\u0000b\u001b[31m${'x'.repeat(500)}` } as const;
    const { cause } = failureOf(401, { refusal });
    expect(cause.text).not.toMatch(/[\u0000-\u001f]/);
    expect(cause.text.length).toBeLessThan(300);
  });
});

it('420 to a REGISTER for a whole PBX says so', () => {
  const verdict = judge(anAnswer(420), { ...ATTEMPTED, isGin: true });
  expect(verdict).toMatchObject({ failure: 'config', cause: { code: 'registrar.noGin' } });
  expect(failureOf(420).cause.code).toBe('registrar.rejected');
});

describe('423', () => {
  it('is followed at once when it asks for more, up to a day', () => {
    const ask = (sec: number) => judged(423, { lines: [`Min-Expires: ${sec}`] });
    expect(ask(1800)).toEqual({ kind: 'minExpires', minExpiresSec: 1800 });
    expect(ask(86_400)).toEqual({ kind: 'minExpires', minExpiresSec: 86_400 });
  });

  it.each([
    ['a smaller one', ['Min-Expires: 1']],
    ['the same', ['Min-Expires: 600']],
  ])('with %s is a failure', (_, lines) => {
    const verdict = failureOf(423, { lines });
    expect(verdict.failure).toBe('transient');
    expect(verdict.cause.code).toBe('registrar.intervalTooBrief');
  });

  it.each([
    ['none', []],
    ['a broken one', ['Min-Expires: long']],
  ])('with %s: an hour is tried, once', (_, lines) => {
    expect(judged(423, { lines })).toEqual({ kind: 'minExpires', minExpiresSec: 3600 });
    const verdict = failureOf(423, { lines }, ADAPTED.minExpires);
    expect(verdict.failure).toBe('transient');
    expect(verdict.cause.code).toBe('registrar.intervalTooBrief');
  });

  it('is followed twice in a cycle', () => {
    const lines = ['Min-Expires: 1800'];
    expect(judged(423, { lines }, ADAPTED.minExpires).kind).toBe('minExpires');
    const both = ADAPTED.minExpires | ADAPTED.minExpiresAgain;
    expect(failureOf(423, { lines }, both).failure).toBe('transient');
  });

  it('of more than a day is for people to solve', () => {
    const verdict = failureOf(423, { lines: ['Min-Expires: 86401'] });
    expect(verdict.failure).toBe('config');
    expect(verdict.cause.code).toBe('registrar.intervalTooLong');
  });
});

describe('a registrar that remembers a higher CSeq', () => {
  it.each([
    [400, { lines: ['P-Registrar-Error: Invalid CSeq number'] }],
    [400, { reason: 'CSeq too low' }],
    [500, { reason: 'Out of order cseq' }],
    [400, { lines: ['Warning: 399 reg "Wrong CSeq"'] }],
  ])('%i gets a new Call-ID, once', (status, facts) => {
    expect(judged(status, facts)).toEqual({ kind: 'newCallId' });
    const again = failureOf(status, facts, ADAPTED.callId);
    expect(again).toMatchObject({ failure: 'config' });
    expect(again.cause.code).toBe('registrar.sequence');
  });

  it('is not every 400', () => {
    expect(failureOf(400).failure).toBe('config');
  });
});

describe('the table', () => {
  const TRANSIENT = 'transient';
  const CONFIG = 'config';
  it.each<readonly [number, FailureClass, string]>([
    [300, CONFIG, 'registrar.redirected'],
    [302, CONFIG, 'registrar.redirected'],
    [305, CONFIG, 'registrar.redirected'],
    [400, CONFIG, 'registrar.rejected'],
    [402, CONFIG, 'registrar.rejected'],
    [403, 'rejected', 'registrar.refused'],
    [404, CONFIG, 'registrar.rejected'],
    [405, CONFIG, 'registrar.rejected'],
    [406, CONFIG, 'registrar.rejected'],
    [408, TRANSIENT, 'registrar.unavailable'],
    [410, CONFIG, 'registrar.rejected'],
    [413, CONFIG, 'registrar.rejected'],
    [415, CONFIG, 'registrar.rejected'],
    [416, CONFIG, 'registrar.rejected'],
    [420, CONFIG, 'registrar.rejected'],
    [421, CONFIG, 'registrar.rejected'],
    [429, TRANSIENT, 'registrar.overloaded'],
    [430, TRANSIENT, 'registrar.unavailable'],
    [439, TRANSIENT, 'registrar.unavailable'],
    [480, TRANSIENT, 'registrar.unavailable'],
    [482, CONFIG, 'registrar.rejected'],
    [483, CONFIG, 'registrar.rejected'],
    [486, TRANSIENT, 'registrar.unavailable'],
    [488, CONFIG, 'registrar.rejected'],
    [491, TRANSIENT, 'registrar.unavailable'],
    [493, CONFIG, 'registrar.rejected'],
    [494, CONFIG, 'registrar.rejected'],
    [499, CONFIG, 'registrar.rejected'],
    [500, TRANSIENT, 'registrar.unavailable'],
    [501, TRANSIENT, 'registrar.unavailable'],
    [502, TRANSIENT, 'registrar.unavailable'],
    [503, TRANSIENT, 'registrar.overloaded'],
    [504, TRANSIENT, 'registrar.unavailable'],
    [513, TRANSIENT, 'registrar.unavailable'],
    [599, TRANSIENT, 'registrar.unavailable'],
    [600, TRANSIENT, 'registrar.unavailable'],
    [603, TRANSIENT, 'registrar.unavailable'],
    [604, CONFIG, 'registrar.rejected'],
    [606, TRANSIENT, 'registrar.unavailable'],
  ])('%i is %s (%s)', (status, failure, code) => {
    const verdict = failureOf(status);
    expect(verdict).toMatchObject({ failure, lostBinding: false, retryAfterSec: undefined });
    expect(verdict.cause.code).toBe(code);
    expect(verdict.cause.text).toContain(`${status}`);
    expect(verdict.cause.next).not.toBe('');
  });

  it.each([
    [403, true],
    [404, true],
    [408, true],
    [413, true],
    [429, true],
    [480, true],
    [486, true],
    [500, true],
    [501, true],
    [502, true],
    [503, true],
    [504, true],
    [513, true],
    [599, true],
    [600, true],
    [603, true],
    [604, false],
    [488, false],
    [302, false],
    [400, false],
    [420, false],
    [421, false],
    [430, false],
    [491, false],
    [494, false],
    [606, false],
  ])('%i listens to Retry-After: %s', (status, listens) => {
    const { retryAfterSec } = failureOf(status, { lines: ['Retry-After: 7 (busy);duration=9'] });
    expect(retryAfterSec).toBe(listens ? 7 : undefined);
  });

  it.each(['Wed, 21 Oct 2026 07:28:00 GMT', '-5', '', '0', '0;duration=9', '3.5', 'soon', '+4'])(
    'lets Retry-After "%s" go',
    (value) => {
      expect(failureOf(503, { lines: [`Retry-After: ${value}`] }).retryAfterSec).toBeUndefined();
    },
  );

  it('takes 413 with Retry-After for passing', () => {
    expect(failureOf(413, { lines: ['Retry-After: 7'] }).failure).toBe('transient');
  });

  it('names where a redirection points', () => {
    const { cause } = failureOf(302, { lines: ['Contact: <sip:127.0.0.1:15072>'] });
    expect(cause.text).toContain('sip:127.0.0.1:15072');
  });

  it.each([
    ['120', 120],
    [' 18000;duration=3600', 18_000],
    ['120 (I am in a meeting)', 120],
    ['7(now);duration=1', 7],
    ['99999999999999999999', 0xffff_ffff],
  ])('reads Retry-After "%s"', (value, seconds) => {
    expect(failureOf(503, { lines: [`Retry-After: ${value}`] }).retryAfterSec).toBe(seconds);
  });

  it('has no row that repeats the rule of its hundred', () => {
    for (const [status, row] of Object.entries(STATUS_TABLE)) {
      expect(row, status).not.toEqual(CLASS_TABLE[Math.floor(Number(status) / 100)]);
    }
  });

  it.each<readonly [number, FailureClass, string]>([
    [3, CONFIG, 'registrar.redirected'],
    [4, CONFIG, 'registrar.rejected'],
    [5, TRANSIENT, 'registrar.unavailable'],
    [6, TRANSIENT, 'registrar.unavailable'],
  ])(
    'takes every %ixx that is not in it for a failure that is %s, with a wait',
    (hundred, ...row) => {
      const trying = {
        ...initialState(instant(1_000)),
        name: 'registering',
        isTrying: true,
      } as const;
      const context = { now: instant(1_000), random: { fraction: () => 0, hex: () => '' } };
      let seen = 0;
      for (let status = hundred * 100; status < (hundred + 1) * 100; status += 1) {
        if (HAS_ITS_OWN.has(status)) continue;
        seen += 1;
        const verdict = failureOf(status);
        expect([verdict.failure, verdict.cause.code], `${status}`).toEqual(row);
        const outcome = { kind: 'outcome', verdict, refreshAt: instant(0) } as const;
        const { state, effects } = step(trying, outcome, context);
        expect(state.dueAt - 1_000, `${status}`).toBeGreaterThan(0);
        expect([state.isTrying, effects], `${status}`).toEqual([false, ['arm']]);
      }
      expect(seen).toBeGreaterThan(85);
    },
  );

  it('has a row for each way in which a challenge ends', () => {
    const kinds = ['credentials', 'realm', 'downgrade', 'unusable', 'loop', 'noCredentials'];
    expect(Object.keys(REFUSAL_TABLE).sort()).toEqual(kinds.sort());
  });
});

describe('no answer', () => {
  it.each([
    ['timeout.response', 'transient'],
    ['timeout.connect', 'transient'],
    ['timeout.tlsHandshake', 'transient'],
    ['transport.refused', 'transient'],
    ['transport.unreachable', 'transient'],
    ['transport.closed', 'transient'],
    ['transport.local', 'transient'],
    ['transport.noSocket', 'transient'],
    ['transport.overflow', 'transient'],
    ['tls.handshake', 'transient'],
    ['tls.identity', 'config'],
    ['tls.untrusted', 'config'],
    ['tls.expired', 'config'],
    ['tls.revoked', 'config'],
    ['tls.ownCertificate', 'config'],
    ['dns.notFound', 'transient'],
    ['dns.failed', 'transient'],
    ['dns.timeout', 'transient'],
    ['cancelled', 'transient'],
  ] as const)('%s is %s, under its own code', (code, failure) => {
    const verdict = judge(aFailure(code), ATTEMPTED);
    expect(verdict).toMatchObject({ kind: 'failed', failure, lostBinding: false });
    expect(verdict.kind === 'failed' && verdict.cause.code).toBe(code);
  });
});
