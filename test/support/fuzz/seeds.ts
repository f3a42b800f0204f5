/** The messages that mutations begin with: torture and examples of the RFCs, and answers of registrars. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { requestWire, responseWire, wireOf } from '../wire.ts';

const VECTORS = join(import.meta.dirname, '../../vectors');

/** Lines of answers that a client looks into. */
export const ANSWER_LINES: readonly string[] = [
  'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5, opaque="o"',
  'WWW-Authenticate: Digest realm="r", nonce="n2", qop="auth,auth-int", algorithm=SHA-256, stale=TRUE',
  'Proxy-Authenticate: Digest realm="a \\"b\\"", nonce="", domain="sip:x", algorithm=SHA-512-256-sess',
  'WWW-Authenticate: Basic realm="r"',
  'Contact: <sip:a@198.51.100.7:5070>;expires=60;+sip.instance="<urn:uuid:1>";reg-id=1, <sip:b@c>;q=0.5',
  'Contact: sip:a@b;expires=9, "x, y" <sip:c@[2001:db8::1]:5060;transport=tcp?h=v>',
  'Expires: 60',
  'Min-Expires: 9',
  'Retry-After: 5 (busy);duration=9',
  'Authentication-Info: nextnonce="x", rspauth="y", qop=auth, nc=00000001, cnonce="z"',
  'Service-Route: <sip:p1.example;lr>, <sip:p2.example;lr>',
  'Path: <sip:edge.example;lr;ob>',
  'Require: outbound',
  'Flow-Timer: 30',
  'Warning: 399 a.example "text"',
];

function read(folder: string): readonly string[] {
  return readdirSync(join(VECTORS, folder))
    .filter((name) => name.endsWith('.dat') || name.endsWith('.sip'))
    .sort()
    .map((name) => wireOf(`${folder}/${name}`));
}

const REQUEST_LINES = [
  'Route: <sip:trunkd.x@198.51.100.7;lr>, <sip:p.example>',
  'Record-Route: <sip:p.example;lr>',
  'Require: 100rel',
  'Proxy-Require: sec-agree',
  'Content-Disposition: session;handling=optional',
  'v: SIP / 2.0 / TCP [2001:db8::9]:5061 ;branch=z9hG4bKx;received=[2001:db8::8];rport',
];

export const SEEDS: readonly string[] = [
  ...read('torture'),
  ...read('examples'),
  ...ANSWER_LINES.map((line, index) =>
    responseWire([401, 407, 200, 423, 503][index % 5] ?? 200, line),
  ),
  responseWire(200, ...ANSWER_LINES),
  ...REQUEST_LINES.map((line) => requestWire('OPTIONS', line)),
  ...['OPTIONS', 'INVITE', 'REGISTER', 'ACK', 'CANCEL', 'BYE', 'FOO'].map((method) =>
    requestWire(method),
  ),
];
