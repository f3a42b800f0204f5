/**
 * What the given cases leave open: keys of the registration that a case is about, what trunkd does where the
 * rule leaves a choice, and how the table holds it to that.
 */
import type { Protocol } from './quirk-case.ts';

interface Setting {
  readonly registration?: Readonly<Record<string, unknown>>;
  /** Words of quirk-judge.ts, besides those of the case. */
  readonly expect?: Readonly<Record<string, unknown>>;
  readonly policy?: string;
  /** The keys hold only over these transports. */
  readonly protocols?: readonly Protocol[];
}

export const SETTINGS: Readonly<Record<string, Setting>> = {
  ok06: {
    expect: { cause: 'registration.notBound' },
    policy: 'Bindings of other devices are not ours: not bound, tried again with backoff.',
  },
  ok08: {
    expect: { registered: true, expires: 40 },
    policy: 'The only Contact that can be ours counts as our binding, rewritten.',
  },
  ok12: { policy: 'An expiry that cannot be read counts as absent; a grant is a week at most.' },
  ok20: {
    expect: {
      row: {
        gruu: {
          public: 'sip:alice@registrar.test;gr=urn:uuid:1',
          temporary: 'sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr',
        },
      },
    },
  },
  rf12: {
    registration: { redirects: 'sameDomain' },
    policy:
      'Followed because redirects: sameDomain is set; without it a redirection is told, not followed.',
  },
  rf14: { registration: { redirects: 'sameDomain' }, protocols: ['tls'] },
  ex02: { expect: { row: { path: ['<sip:edge.test;lr;ob>'] } } },
  st05: {
    expect: { registered: true },
    policy: 'No Content-Length on a stream counts as 0.',
  },
  tx06: {
    expect: { registered: false },
    policy:
      'Dropped, counted and told once: sourceCheck host takes answers from the address asked.',
  },
  tx10: { expect: { registered: true } },
};
