/** What the scenarios of test/interop/sipp/register ask of us, in the words of quirk-judge.ts. */
export interface SippCase {
  readonly expect: Readonly<Record<string, unknown>>;
  readonly policy?: string;
}

const bound = (expires: number, count: number, more: Readonly<Record<string, unknown>> = {}) => ({
  expect: { registered: true, expires, count: { requests: count, withinS: 5 }, ...more },
});
const not = (requestsMax: number, more: Readonly<Record<string, unknown>> = {}) => ({
  expect: { registered: false, requestsMax, withinS: 10, ...more },
});

export const SIPP_CASES: Readonly<Record<string, SippCase>> = {
  '01-401-200': bound(3600, 2),
  '02-423': bound(1800, 3, { lastExpires: 1800 }),
  '03-423-noauth': bound(1800, 3, { lastExpires: 1800 }),
  '04-423-loop': not(3),
  '05-423-nomin': not(2, { cause: 'registrar.intervalTooBrief' }),
  '06-503-retryafter': { expect: { registered: true, expires: 60, secondRequestAfterS: [3, 6] } },
  '07-503-forever': { expect: { registered: false, gapsAtLeastS: { from: 0, seconds: 2 } } },
  '08-503-none': not(2),
  '09-500-retryafter': { expect: { registered: true, expires: 60, secondRequestAfterS: [4, 8] } },
  '10-stale': bound(60, 3, { auth: { nonce: 'BBBB2222' } }),
  '11-stale-caps-quoted': bound(60, 3, { auth: { nonce: 'BBBB2222' } }),
  '12-newnonce-notstale': {
    ...not(3, { state: 'rejected' }),
    policy: 'One more try with the new nonce, then a slow retry.',
  },
  '13-stale-forever': not(4, { cause: 'auth.challengeLoop' }),
  '14-nextnonce': bound(30, 2, { auth: { thirdNonce: 'BBBB2222', thirdNc: '00000001' } }),
  '15-dualalg': bound(60, 2, { auth: { algorithm: 'SHA-256' } }),
  '16-dualalg-md5first': {
    ...bound(60, 2, { auth: { algorithm: 'SHA-256' } }),
    policy: 'The strongest algorithm that is offered, wherever it stands.',
  },
  '17-unknownalg': not(1, { cause: 'auth.unusableChallenge' }),
  '18-noqop': bound(3600, 2, { auth: { qop: null, nc: null, cnonce: null } }),
  '19-authint': bound(3600, 2, { auth: { qop: 'auth-int' } }),
  '20-authint-auth': {
    ...bound(3600, 2, { auth: { qop: 'auth' } }),
    policy: 'auth is chosen where both are offered.',
  },
  '21-302': {
    ...not(2, { cause: 'registrar.redirected', goesNowhere: true }),
    policy: 'A redirection is not followed unless the registration says so.',
  },
  '22-302-loop': not(2, { cause: 'registrar.redirected' }),
  '23-305': not(2, { cause: 'registrar.redirected', goesNowhere: true }),
  '24-lowexpires': bound(30, 1),
  '25-expires-header-only': bound(45, 1),
  '26-no-contact': {
    expect: {
      registered: false,
      cause: 'registration.notBound',
      gapsAtLeastS: { from: 0, seconds: 2 },
    },
    policy: 'A 200 without any Contact: the binding is not there (RFC 3261 section 10.3, step 8).',
  },
  '27-others-contacts': bound(40, 1),
  '28-not-mine': {
    expect: { registered: false, cause: 'registration.notBound' },
    policy: 'Bindings of other devices are not ours: not bound, tried again with backoff.',
  },
  '29-expires0': { expect: { registered: false, gapsAtLeastS: { from: 0, seconds: 2 } } },
  '30-silent': {
    expect: {
      registered: false,
      copiesAtS: [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5],
      gapsAtLeastS: { from: 0, seconds: 31 },
    },
  },
};
