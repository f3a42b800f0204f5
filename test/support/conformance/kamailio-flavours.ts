/** Kamailio in each of its flavours: what is set at it, what we are told to do, and how its own books judge that. */
import type { Binding, SeenRequest } from '../kamailio.ts';
import type { Protocol } from './quirk-case.ts';
import type { StateRow } from './trial.ts';

/** What Kamailio knows of one user at the end of the run. */
interface Books {
  readonly bindings: readonly Binding[];
  readonly requests: readonly SeenRequest[];
  /** How often it was asked for credentials while it had sent some. */
  readonly refusals: number;
  readonly lapses: number;
  readonly row: StateRow;
}

export interface Flavour {
  readonly id: string;
  readonly title: string;
  readonly defines: readonly string[];
  readonly protocols?: readonly Protocol[];
  readonly registration?: Readonly<Record<string, unknown>>;
  readonly policy?: string;
  /** Why it fails; empty: it passes. */
  judge(books: Books): readonly string[];
}

const fails = (
  ...checks: readonly (readonly [holds: boolean, flaw: string])[]
): readonly string[] => checks.filter(([holds]) => !holds).map(([, flaw]) => flaw);

const EXPIRES_SEC = 10;
/** Short lifetimes: each flavour sees ten refreshes in a minute. */
const SHORT = ['MIN_EXP=5'];
/** Of a minute and a bit, two cores busy. */
const FEWEST_REFRESHES = 5;

/** Bound, refreshed, never lapsed. */
const held = ({ bindings, requests, lapses, row }: Books): readonly string[] =>
  fails(
    [bindings.length === 1, `${bindings.length} bindings`],
    [row.bound, `we say ${row.state} (${row.cause?.code})`],
    [lapses === 0, `${lapses} lapses`],
    [requests.length > FEWEST_REFRESHES, `only ${requests.length} requests`],
  );

const everyCredential = (pattern: RegExp, flaw: string) => (books: Books) => [
  ...held(books),
  ...fails([
    books.requests.some(({ isAuthorized }) => isAuthorized) &&
      books.requests.every(({ credentials }) => credentials === '' || pattern.test(credentials)),
    flaw,
  ]),
];

const nonces = ({ requests }: Books): readonly string[] =>
  requests.flatMap(({ credentials }) => /nonce="([^"]*)"/.exec(credentials)?.[1] ?? []);

export const FLAVOURS: readonly Flavour[] = [
  {
    id: 'plain',
    title: 'MD5, qop=auth',
    defines: SHORT,
    judge: (books) => [
      ...everyCredential(/algorithm=MD5.*qop=auth/, 'not MD5 with qop=auth')(books),
      ...fails([books.refusals === 0, `${books.refusals} refused`]),
    ],
  },
  {
    id: 'sha256',
    title: 'SHA-256',
    defines: [...SHORT, 'WITH_SHA256'],
    judge: everyCredential(/algorithm=SHA-256/, 'not SHA-256'),
  },
  {
    id: 'dual',
    title: 'SHA-256 and MD5 offered, SHA-256 verified',
    defines: [...SHORT, 'WITH_DUALALG', 'WITH_SHA256'],
    judge: everyCredential(/algorithm=SHA-256/, 'not SHA-256'),
  },
  {
    id: 'noqop',
    title: 'no qop: the form of RFC 2069',
    defines: [...SHORT, 'NO_QOP'],
    policy: 'Without qop in the challenge the answer has none, nor nc and cnonce (RFC 2617).',
    judge: everyCredential(/^(?!.*(?:qop|cnonce|nc)=)/, 'qop, nc or cnonce in the answer'),
  },
  {
    id: 'nc',
    title: 'nc is checked, nonces live for 4 s: stale=true',
    defines: [...SHORT, 'WITH_NC', 'NONCE_EXPIRE=4'],
    judge: (books) => [
      ...everyCredential(/nc=0000000\d/, 'nc has not eight digits')(books),
      ...fails([new Set(nonces(books)).size > 2, 'no new nonce was taken']),
    ],
  },
  {
    id: 'onetime',
    title: 'each nonce is good for one request',
    defines: [...SHORT, 'WITH_OTN'],
    judge: (books) => [
      ...held(books),
      ...fails([new Set(nonces(books)).size > FEWEST_REFRESHES, 'nonces were used again']),
    ],
  },
  {
    id: 'nextnonce',
    title: 'one-time nonces, the next one in Authentication-Info: no refresh is challenged',
    defines: [...SHORT, 'WITH_OTN', 'WITH_AUTHINFO'],
    judge: (books) => [
      ...held(books),
      ...fails(
        [books.refusals === 0, `${books.refusals} refused`],
        [
          books.requests.filter(({ isAuthorized }) => !isAuthorized).length === 1,
          'more than one request went without credentials',
        ],
      ),
    ],
  },
  {
    id: '407',
    title: '407 and Proxy-Authenticate',
    defines: [...SHORT, 'WITH_407'],
    judge: held,
  },
  {
    id: '423',
    title: '423: 10 s were asked, 20 s is the least',
    defines: ['MIN_EXP=20', 'WITH_423'],
    judge: ({ bindings, row, lapses }) =>
      fails(
        [bindings.length === 1 && row.bound && lapses === 0, 'not held'],
        [row.grantedExpires === 20, `granted ${row.grantedExpires}`],
      ),
  },
  {
    id: 'outbound',
    title: 'outbound with Flow-Timer 10',
    defines: [...SHORT, 'WITH_OUTBOUND', 'FLOW_TIMER=10'],
    judge: (books) => [
      ...held(books),
      ...fails(
        [books.bindings.every(({ regId }) => regId === 1), 'no reg-id is stored'],
        [
          books.bindings.every(({ instance }) => instance.includes('urn:uuid:')),
          'no instance is stored',
        ],
        [books.row['outbound'] === true, 'we do not say that outbound is in force'],
      ),
    ],
  },
  {
    id: 'path',
    title: '421: a Path is required, and there is no edge proxy that adds one',
    defines: [...SHORT, 'WITH_PATH_REQUIRED'],
    policy: 'A registration never sends a Path of its own: that is the edge proxy’s.',
    judge: ({ bindings, requests, row }) =>
      fails(
        [bindings.length === 0 && !row.bound, 'bound'],
        [row.cause?.code === 'registrar.rejected', `${row.cause?.code}`],
        [requests.length <= 2, `${requests.length} requests`],
      ),
  },
  {
    id: 'service-route',
    title: 'Service-Route in each 200',
    defines: [...SHORT, 'WITH_SERVICE_ROUTE'],
    judge: held,
  },
  {
    id: 'mtls',
    title: 'mutual TLS: our certificate is asked for',
    defines: [...SHORT, 'WITH_MTLS'],
    protocols: ['tls'],
    registration: { localSocket: 'tls-client' },
    judge: held,
  },
  {
    id: 'max-contacts',
    title: 'one binding at most, and another device has it for the first seconds: 503, then bound',
    defines: [...SHORT, 'WITH_MAX_CONTACTS=1'],
    judge: ({ bindings, row, requests }) =>
      fails(
        [row.bound && bindings.length === 1, `we say ${row.state} (${row.cause?.code})`],
        [
          bindings.every(({ address }) => !address.includes('192.0.2.99')),
          'the binding is that of the other device',
        ],
        [requests.length >= 3, 'the first attempt was not refused'],
      ),
  },
];

export const KAMAILIO_EXPIRES_SEC = EXPIRES_SEC;
