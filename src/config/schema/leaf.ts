/** The types of single values. Each says in words what it wants; none ever quotes what it got. */
import { z } from 'zod';
import {
  isHost,
  isNetwork,
  parseBind,
  parseHop,
  parseHostPort,
  parseProtocolAddress,
} from '../address.ts';
import {
  hasControl,
  isLabelName,
  isName,
  isRegistrationId,
  isUriParameters,
  isUserPart,
  parseDuration,
  parsePercent,
  parseQuorum,
} from '../grammar.ts';
import { headerNameFault } from '../header-fields.ts';

const SECRET_RULE = 'holds a control character or is longer than 1024 characters';
const LABEL_RULE = 'is longer than 128 characters or holds control characters';
const HTTP_URL_RULE = 'has to be a URL as http://127.0.0.1:8080/RPC';
const EXPIRES_RULE = 'has to be 5 to 604800 seconds, or a time as 10m';

/** Longest text that may get into one header field of ours. */
const MAX_TEXT = 255;

/** A text that follows a grammar; `test` returns what is wrong with it, `title` is for the reference. */
function textWith(title: string, test: (text: string) => string | undefined, wrongKind?: string) {
  const schema = z.string(wrongKind).check((context) => {
    const reason = test(context.value);
    if (reason !== undefined) {
      context.issues.push({ code: 'custom', input: context.value, message: reason });
    }
  });
  return schema.meta({ title });
}

function textThat(title: string, isRight: (text: string) => boolean, reason: string) {
  return textWith(title, (text) => (isRight(text) ? undefined : reason));
}

const parsedBy = (parse: (text: string) => unknown) => (text: string) => {
  const parsed = parse(text);
  return typeof parsed === 'string' ? parsed : undefined;
};

const lineRule = (text: string): string | undefined => {
  if (hasControl(text)) return 'holds a control character, which must not get into a message';
  if (!text.isWellFormed()) return 'holds half of a UTF-16 surrogate pair';
  return text.length > MAX_TEXT ? `is longer than ${MAX_TEXT} characters` : undefined;
};

/** One line of text without control characters. */
export const line = textWith('text', lineRule);

/** Several lines for people; never sent anywhere as SIP. */
export const prose = textThat(
  'text',
  (text) => text.length <= 4096 && !hasControl(text.replace(/[\t\r\n]/g, '')),
  'is longer than 4096 characters or holds control characters',
);

export const name = textThat('name', isName, 'has to be 1 to 64 of A-Z a-z 0-9 . _ -');

export const registrationId = textThat(
  'id',
  isRegistrationId,
  'has to be 1 to 64 of A-Z a-z 0-9 . _ - @ +',
);

export const userPart = textThat(
  'user part',
  (text) => isUserPart(text, 64),
  'has to be the user part of a SIP URI of at most 64 characters; write others as %HH',
);

export const host = textThat(
  'host',
  isHost,
  'has to be a host name, an IPv4 address or an IPv6 address in brackets, without a port',
);

/** One name that a certificate may hold, or several. */
export const identities = z.union([host, z.array(host).min(1).max(16)], {
  error: 'has to be a host name or an IP address, or a list of them',
});

export const fingerprint = textThat(
  'SHA-256 fingerprint',
  (text) => /^[0-9a-f]{2}(:?[0-9a-f]{2}){31}$/i.test(text),
  'has to be 64 hexadecimal digits, with colons between pairs or without',
);

export const hostPort = textWith('host[:port]', parsedBy(parseHostPort));
export const bind = textWith('address:port', parsedBy(parseBind));
/** One hop. */
export const hop = textWith('host[:port] or URI', parsedBy(parseHop));

/** One hop, or several in the order in which a request passes them. */
export const hops = z.union([hop, z.array(hop).min(1).max(8)], {
  error: 'has to be a host[:port] or URI, or a list of 1 to 8 of them',
});

export const protocolAddress = textWith('protocol:host[:port]', parsedBy(parseProtocolAddress));

export const sipUri = textWith('SIP URI', (text) =>
  /^sips?:/i.test(text)
    ? parsedBy(parseHop)(text)
    : 'has to begin with sip: or sips:, as sip:HOST[:PORT][;transport=tls]',
);

export const peerServerId = textThat(
  'id of a peer server',
  (text) => text.split('/').length === 2 && text.split('/').every(isName),
  'has to be CONTRACT/NAME',
);

/** Where somebody answers HTTP. */
export const httpUrl = textWith('http or https URL', (text) => {
  if (text.length > 2048 || hasControl(text) || !URL.canParse(text)) return HTTP_URL_RULE;
  const { protocol, username, password, hash } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return HTTP_URL_RULE;
  if (username !== '' || password !== '') return 'must not hold a user name or a password';
  return hash === '' ? undefined : 'must not hold a fragment (#)';
});

export const contact = textWith('host[:port], self or learned', (text) =>
  text === 'self' || text === 'learned' ? undefined : parsedBy(parseHostPort)(text),
);

export const network = textThat(
  'IP address or network',
  isNetwork,
  'has to be an IP address or a network as 192.0.2.0/24',
);

export const uriParameters = textThat(
  'URI parameters',
  isUriParameters,
  'has to be URI parameters as ;user=phone, at most 128 characters',
);

export const ipAddress = textWith('IP address', (text) => {
  const parsed = parseHostPort(text);
  const isAddress = typeof parsed === 'object' && parsed.kind !== 'name';
  return isAddress && parsed.port === undefined ? undefined : 'has to be an IP address';
});

export const ipPort = textWith('address[:port]', (text) => {
  const parsed = parseHostPort(text);
  if (typeof parsed === 'string') return parsed;
  return parsed.kind === 'name' ? 'has to be an IP address, with a port or without' : undefined;
});

/** A file; relative ones count from the configuration file. */
export const path = textThat(
  'file name',
  (text) => text.length <= 4096 && !hasControl(text),
  'is no usable file name',
);

/** From 1 to 100 percent. */
export const percent = textThat(
  'percentage',
  (text) => parsePercent(text) !== undefined,
  'has to be a percentage from 1% to 100%',
);

const QUORUM_RULE = 'has to be any, all, a number, or a percentage as 50%';

/** So many of several: `any`, `all`, a number, `50%`. */
export const quorum = z.union(
  [
    z.int(QUORUM_RULE).min(1, QUORUM_RULE).max(1000, QUORUM_RULE),
    textThat('any, all or percentage', (text) => parseQuorum(text) !== undefined, QUORUM_RULE),
  ],
  { error: QUORUM_RULE },
);

const CODE_RULE = 'has to be a status code from 200 to 699, or a class as 4xx';

/** A status code, or a class of them. */
export const statusCode = z.union(
  [
    z.int(CODE_RULE).min(200, CODE_RULE).max(699, CODE_RULE),
    textThat('class', (text) => /^[2-6]xx$/.test(text), CODE_RULE),
  ],
  { error: CODE_RULE },
);

/** A span of time between two bounds in milliseconds. */
export function duration(minMs: number, maxMs: number, range: string) {
  return textWith(
    'time',
    (text) => {
      const spanMs = parseDuration(text);
      if (spanMs === undefined) return DURATION_RULE;
      return spanMs < minMs || spanMs > maxMs ? `has to be ${range}` : undefined;
    },
    DURATION_RULE,
  );
}

const DURATION_RULE = 'has to be a time with its unit, as 500ms, 30s, 5m or 1h';

/** Seconds as a number, or a time with its unit. */
export const expires = z.union(
  [
    z.int().min(5).max(604_800),
    textWith('time', (text) => {
      const spanMs = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : parseDuration(text);
      const isRight = spanMs !== undefined && spanMs >= 5000 && spanMs <= 604_800_000;
      return isRight && spanMs % 1000 === 0 ? undefined : EXPIRES_RULE;
    }),
  ],
  { error: EXPIRES_RULE },
);

const reference = [
  z.strictObject({ file: path }).meta({ title: 'from a file' }),
  z.strictObject({ env: envName() }).meta({ title: 'from the environment' }),
  z.strictObject({ credential: name }).meta({ title: 'from $CREDENTIALS_DIRECTORY (systemd)' }),
] as const;

function envName() {
  return textThat(
    'name of a variable',
    (text) => /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text),
    'has to be the name of an environment variable',
  );
}

/** A password or key: plain, or where to find it. */
export const secret = z.union(
  [textThat('text', (text) => text.length <= 1024 && !hasControl(text), SECRET_RULE), ...reference],
  { error: 'has to be a text, { file: PATH }, { env: NAME } or { credential: NAME }' },
);

export type SecretSource = z.infer<typeof secret>;

/** A private key: the file that holds it, or where to find it. */
export const keyFile = z.union([path, reference[0], reference[2]], {
  error: 'has to be the name of a PEM file, { file: PATH } or { credential: NAME }',
});

function sixteenAtMost(context: z.core.ParsePayload<Readonly<Record<string, string>>>): void {
  if (Object.keys(context.value).length <= 16) return;
  context.issues.push({ code: 'custom', input: context.value, message: 'holds more than 16' });
}

export const labels = z
  .record(
    textThat(
      'label name',
      isLabelName,
      'has to be 1 to 64 of A-Z a-z 0-9 _, not beginning with a digit or __',
    ),
    textThat('text', (text) => lineRule(text) === undefined && text.length <= 128, LABEL_RULE),
  )
  .check(sixteenAtMost);

/** Header fields of the operator, by name. */
export const headers = z
  .record(
    textWith('header field name', headerNameFault),
    textThat(
      'text',
      (text) => lineRule(text) === undefined && text.trim() === text,
      'holds a control character, begins or ends with a blank, or is longer than 255 characters',
    ),
  )
  .check(sixteenAtMost);

export const metadata = z.record(name, line);

/** One realm, or several. */
export const realms = z.union([line, z.array(line).min(1).max(8)], {
  error: 'has to be a realm or a list of 1 to 8 realms',
});

const algorithm = z.enum(['SHA-512-256', 'SHA-256', 'MD5']);

/** Which digest algorithms are used, in order of preference; or the order of the server. */
export const algorithms = z.union(
  [
    z.literal('server'),
    z
      .array(algorithm)
      .min(1)
      .check((context) => {
        if (new Set(context.value).size === context.value.length) return;
        context.issues.push({
          code: 'custom',
          input: context.value,
          message: 'names an algorithm twice',
        });
      }),
  ],
  { error: 'has to be a list of SHA-512-256, SHA-256 and MD5, or server' },
);

/** What a configured hash of a password is for. */
export const ha1Algorithm = algorithm;

export const admin = z.enum(['up', 'drain', 'off']);
export const transport = z.enum(['udp', 'tcp', 'tls', 'auto']);
export const keepAlive = z.enum(['auto', 'stun', 'crlf', 'off']);
export const outbound = z.enum(['off', 'auto', 'require']);
export const family = z.enum(['auto', 'ipv4', 'ipv6', 'preferIpv6']);
export const redirects = z.enum(['never', 'sameDomain']);
export const connection = z.enum(['shared', 'perRegistration']);
export const sizePolicy = z.enum(['udp', 'tcp']);
export const sourceCheck = z.enum(['host', 'strict', 'set', 'off']);
