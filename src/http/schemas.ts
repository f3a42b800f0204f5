/** The shapes of the API: they check what comes in, and describe in OpenAPI what goes out. */
import { z } from 'zod';
import type { CertificateRow } from '../observe/certificate-rows.ts';
import type { ConsumerRow } from '../observe/consumer-rows.ts';
import type { FetchedRows } from '../observe/fetched-rows.ts';
import type { ProxyRow } from '../observe/proxy-rows.ts';
import type { LegRow, RegistrationRow } from '../observe/status-rows.ts';
import {
  admin,
  cause,
  contractEnabled,
  labels,
  lastResponse,
  listOf,
  peerState,
  registrationState,
  time,
} from './common-shapes.ts';
import { HTTP_LIMITS } from './limits.ts';

const LIMIT_TEXT = `has to be a whole number from 1 to ${HTTP_LIMITS.pageSize}`;
const leg = z.object({
  id: z.string(),
  registrar: z.string().describe('where the REGISTER is sent'),
  via: z.string().nullable().describe('the SIP proxy of ours that it travels through'),
  contact: z.string().nullable(),
  state: registrationState,
  bound: z.boolean().describe('true while the registrar holds our binding: the word to trust'),
  since: time,
  cause,
  grantedExpires: z.int().nullable().describe('seconds'),
  expiresAt: time.nullable(),
  nextAttemptAt: time.nullable(),
  target: z.string().nullable(),
  lastResponse,
  serviceRoute: z.array(z.string()).readonly().describe('RFC 3608, in order'),
  path: z.array(z.string()).readonly().describe('RFC 3327'),
  associatedUris: z.array(z.string()).readonly().describe('P-Associated-URI, RFC 7315'),
  gruu: z
    .object({ public: z.string().nullable(), temporary: z.string().nullable() })
    .nullable()
    .describe('RFC 5627'),
  otherBindings: z
    .object({
      count: z.int(),
      listed: z
        .array(z.object({ uri: z.string(), expires: z.int().nullable(), isStale: z.boolean() }))
        .readonly(),
    })
    .describe('bindings of the same account that are not ours; stale: with our user'),
  seenAs: z.string().nullable().describe('host:port, as the registrar sees us'),
  keepAlive: z
    .enum(['stun', 'crlf', 'ping'])
    .nullable()
    .describe('how the way to the registrar is kept open'),
  outbound: z.boolean().describe('true while outbound (RFC 5626) is in force'),
  callId: z.string(),
  cseq: z.int(),
  counters: z.object({
    attempts: z.int(),
    requests: z.int(),
    succeeded: z.int(),
    failed: z.int(),
    lapses: z.int(),
  }),
}) satisfies z.ZodType<LegRow>;

export const registration = leg.extend({
  contract: z.string(),
  labels,
  aor: z.string(),
  username: z.string(),
  domain: z.string(),
  ddi: z.string(),
  authUsername: z.string(),
  realm: z.string().nullable(),
  expires: z.int().describe('seconds asked for'),
  admin,
  order: z
    .object({ command: z.string(), reason: z.string(), until: time.nullable() })
    .nullable()
    .describe('what an operator commanded over the configuration'),
  legs: z
    .array(leg)
    .readonly()
    .describe('its bindings where it is kept by several; the rest is then of the best of them'),
}) satisfies z.ZodType<RegistrationRow>;

export const proxy = z.object({
  name: z.string(),
  address: z.string().describe('where we reach it'),
  contact: z.string().describe('where it takes calls'),
  state: z.enum(['unknown', 'up', 'silent']),
  since: time,
  cause,
  target: z.string().nullable(),
  rttMs: z.number().nullable(),
  lastResponse,
  nextProbeAt: time.nullable(),
}) satisfies z.ZodType<ProxyRow>;
export const certificate = z.object({
  role: z.enum(['own', 'peer']).describe('ours, or shown by a server'),
  name: z.string().describe('the local socket, or identity and target of the server'),
  localSocket: z.string(),
  subject: z.string(),
  fingerprint: z.string().describe('SHA-256'),
  notAfter: time,
  daysLeft: z.int().describe('negative: it has expired'),
}) satisfies z.ZodType<CertificateRow>;

const consumerState = z.enum(['starting', 'inSync', 'drifting', 'failing']);

export const consumer = z.object({
  name: z.string(),
  type: z.string(),
  mode: z.enum(['apply', 'observe']),
  state: consumerState.describe(
    'drifting: it does not hold what it is told; failing: it cannot be reached or written, or answers nonsense',
  ),
  since: time,
  cause: cause.describe('why it is not in sync; null when it is'),
  lastPassAt: time.nullable().describe('when it was last looked at, or a message last tried'),
  drift: z
    .int()
    .describe(
      'things that are not as they should be, as far as that is known; of a webhook: messages that wait',
    ),
  nextAttemptAt: time.nullable(),
}) satisfies z.ZodType<ConsumerRow>;

export const fetchedBindings = z.object({
  items: z
    .array(
      z.object({
        leg: z.string(),
        target: z.string().nullable(),
        bindings: z
          .array(
            z.object({
              uri: z.string(),
              expires: z.int().nullable().describe('seconds'),
              q: z.number().nullable(),
              isOurs: z.boolean(),
            }),
          )
          .readonly()
          .nullable()
          .describe('null where the registrar did not tell'),
        cause,
      }),
    )
    .readonly(),
}) satisfies z.ZodType<FetchedRows>;

export const registrationPage = listOf(registration);
export const proxyPage = listOf(proxy);
export const certificatePage = listOf(certificate);
export const consumerPage = listOf(consumer);

export const problemDocument = z
  .looseObject({ type: z.string(), title: z.string(), status: z.int(), detail: z.string() })
  .describe('RFC 9457');

const text = z.string().min(1).max(HTTP_LIMITS.parameterOctets);
const yesOrNo = z.enum(['true', 'false']).transform((word) => word === 'true');

const pageQuery = {
  limit: z.coerce
    .number(LIMIT_TEXT)
    .int(LIMIT_TEXT)
    .min(1, LIMIT_TEXT)
    .max(HTTP_LIMITS.pageSize, LIMIT_TEXT)
    .default(HTTP_LIMITS.defaultPageSize)
    .describe('rows a page'),
  cursor: text.optional().describe('`next` of the page before'),
  q: text.optional().describe('part of the id, name, AOR, Contact or description'),
};

export const registrationQuery = z.strictObject({
  ...pageQuery,
  contract: text.optional(),
  state: registrationState.optional(),
  bound: yesOrNo.optional(),
});

export const peerServerQuery = z.strictObject({
  ...pageQuery,
  contract: text.optional(),
  state: peerState.optional(),
  enabled: yesOrNo.optional(),
});

export const contractQuery = z.strictObject({ ...pageQuery, enabled: contractEnabled.optional() });

export const proxyQuery = z.strictObject(pageQuery);
export const proxyParams = z.object({ name: text });
export const consumerQuery = z.strictObject({ ...pageQuery, state: consumerState.optional() });
export const consumerParams = z.object({ name: text });
export const certificateQuery = z.strictObject({
  ...pageQuery,
  role: z.enum(['own', 'peer']).optional(),
});

export const registrationParams = z.object({ id: text });
export const contractParams = z.object({ name: text });
export const peerServerParams = z.object({ contract: text, name: text });

const adminCommand = z.enum(['up', 'drain', 'off']);

const reason = z
  .string()
  .max(200)
  // It stands in log lines and causes.
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'holds a control character')
  .optional();
const until = z.string().max(40).optional();

/** `reason` and `until` go with the admin commands. */
const adminFields = {
  reason,
  until: until.describe('when the configuration counts again: 30m, 2h, 1d, or an ISO 8601 time'),
};

export const daemonCommand = z.strictObject({
  command: z
    .enum(['reload', 'pause', 'resume', 'freeze', 'thaw'])
    .describe('pause: no REGISTER is sent, and bindings are left as they are, until resume'),
  force: z.boolean().optional().describe('reload only: apply it even if it drops much'),
  reason: reason.describe('pause and freeze only'),
  until: until.describe(
    'pause and freeze only: when it ends by itself, as 30m or an ISO 8601 time',
  ),
});

export const registrationCommand = z.strictObject({
  command: z
    .enum(['register', 'unregister', 'forget', ...adminCommand.options])
    .describe(
      'unregister: off until register or up; off and drain: off until up; forget: off, and nothing is sent to the registrar',
    ),
  ...adminFields,
});

export const peerServerCommand = z.strictObject({
  command: z.enum(['probe', ...adminCommand.options]),
  ...adminFields,
});

const COUNT_TEXT = 'has to be a whole number from 1 to 1000000';
const CODE_TEXT = 'has to be a status code from 100 to 699';

export const observation = z.strictObject({
  code: z
    .int(CODE_TEXT)
    .min(100, CODE_TEXT)
    .max(699, CODE_TEXT)
    .describe('status code that calls got; 408 where the proxy itself gave up'),
  count: z
    .int(COUNT_TEXT)
    .min(1, COUNT_TEXT)
    .max(1_000_000, COUNT_TEXT)
    .default(1)
    .describe('how many calls'),
});

export const observed = z.object({
  accepted: z.literal(true),
  probing: z.boolean().describe('the server is probed at once'),
});

export const proxyCommand = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('probe') }),
  z.strictObject({
    command: z.literal('connectionClosed'),
    target: z
      .string()
      .max(64)
      .regex(/^(tcp|tls):(\d{1,3}(\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]):\d{1,5}$/)
      .describe('protocol, address and port of the far side, as tcp:192.0.2.1:5060'),
  }),
]);

export const contractCommand = z.strictObject({ command: adminCommand, ...adminFields });

export const reloadApplied = z.object({
  kind: z.literal('applied'),
  added: z.int().describe('registrations'),
  changed: z.int().describe('registrations'),
  removed: z.int().describe('registrations'),
  unchanged: z.int().describe('registrations'),
  peerServers: z.object({ added: z.int(), changed: z.int(), removed: z.int() }),
  warnings: z.array(z.string()).readonly(),
  restartNeeded: z.array(z.string()).readonly(),
});

export const accepted = z.object({ accepted: z.literal(true) });

export const proxyAccepted = z.object({
  accepted: z.literal(true),
  registrations: z.int().describe('how many are made again'),
});
