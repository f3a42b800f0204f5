/**
 * Calls through the relay, mutated at each step: INVITEs of a provider, answers of the proxy, requests inside
 * the dialog from either side, and all of it from strangers. One message makes one at most, to one of the two
 * sides; what leaves is a sound message with nothing changed but what a stateless proxy has to change.
 */
import { topVia, viaValues } from '../../../src/core/sip/header/via.ts';
import type { SipMessage } from '../../../src/core/sip/message/message.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { validateRequest } from '../../../src/core/sip/message/validate.ts';
import type { Flow } from '../../../src/core/sip/transport/ports.ts';
import {
  answer,
  EGRESS,
  FROM_PROXY,
  flowOn,
  inDialog,
  PROVIDER,
  PROXY,
  RelayRig,
  requestText,
  UDP,
} from '../relay-rig.ts';
import { type Draw, hold, holdSame } from './draw.ts';
import { aSeed, mutated } from './mutate.ts';

const STRANGER = { address: '203.0.113.66', port: 5060 };
const FLOWS: readonly Flow[] = [
  ...[UDP, UDP, UDP, flowOn('tcp', PROVIDER, 'tcp'), flowOn('tls', PROVIDER, 'tls')],
  ...[flowOn('udp', STRANGER), flowOn(EGRESS, STRANGER), FROM_PROXY, FROM_PROXY],
];
const RATE = 100;

export function runRelay(draw: Draw): string {
  const rig = new RelayRig({ maxRate: RATE });
  const flow = draw.pick(FLOWS);
  const first = spoilt(invite(draw), draw);
  const invited = pass(rig, first, flow);
  if (invited === undefined) return 'not relayed';
  const answered = pass(
    rig,
    spoilt(answer(invited, draw.pick(ANSWERS), ...EXTRA), draw),
    FROM_PROXY,
  );
  const bye = pass(
    rig,
    spoilt(inDialog(invited, { method: draw.pick(METHODS) }), draw),
    FROM_PROXY,
  );
  if (bye !== undefined) pass(rig, spoilt(answer(bye, '200 OK'), draw), flow);
  // What went to one side comes back to us, from anywhere.
  pass(rig, spoilt(draw.pick([invited, answered ?? first, bye ?? first]), draw), draw.pick(FLOWS));
  return `relayed ${answered === undefined ? '' : 'answered '}${bye === undefined ? '' : 'in dialog'}`;
}

const ANSWERS = ['180 Ringing', '200 OK', '486 Busy Here', '401 Unauthorized'] as const;
const METHODS = ['BYE', 'ACK', 'INVITE', 'CANCEL', 'OPTIONS', 'MESSAGE'] as const;
const EXTRA = [
  'X-Trunkd-Local: 1',
  'x-trunkd-source : 6.6.6.6',
  'Record-Route: <sip:p.example;lr>',
];

function invite(draw: Draw): string {
  if (draw.isOneIn(4)) return aSeed(draw);
  const body = draw.pick(['', 'v=0\r\n', '\r\n\r\n', 'INVITE sip:a SIP/2.0\r\n\r\n']);
  const lines = draw.isOneIn(2) ? [] : [...EXTRA, 'Route: <sip:127.0.0.1;lr>', 'Subject: a\r\n b'];
  const method = draw.pick([
    'INVITE',
    'INVITE',
    'SUBSCRIBE',
    'MESSAGE',
    'CANCEL',
    'ACK',
    'REGISTER',
  ]);
  return requestText({ method, body, lines });
}

function spoilt(wire: string, draw: Draw): string {
  return draw.isOneIn(2) ? wire : mutated(wire, draw);
}

/** What was sent on because of it; undefined where it was answered, or dropped. */
function pass(rig: RelayRig, wire: string, flow: Flow): string | undefined {
  const sent = rig.receive(wire, flow);
  hold(sent.length <= 1, 'one message makes one at most');
  const [out] = sent;
  if (out === undefined) return undefined;
  hold(flow.remote.address !== STRANGER.address, 'nothing comes of what strangers send');
  const came = parseMessage(wire, flow.protocol === 'udp' ? 'datagram' : 'stream');
  const left = parseMessage(out.wire, 'stream');
  hold(left.ok, `what leaves can be read (${left.ok ? '' : left.reason})`);
  const request = came.ok ? came.message : came.reply?.message;
  hold(request !== undefined, 'something comes of messages only');
  if (left.message.kind === 'response' && request.kind === 'request') {
    holdSame(out.flow.remote.address, flow.remote.address, 'our own answers go back');
    return undefined;
  }
  isSentOnWhole(out.wire, request, left.message);
  const { address, port } = out.flow.remote;
  hold(
    address === PROVIDER.address || address === PROXY.address,
    'it goes to one of the two sides',
  );
  if (left.message.kind === 'request') isGoodRequest(request, left.message, { address, port });
  else hold(viaValues(left.message).length === viaValues(request).length - 1, 'our Via is gone');
  return out.wire;
}

function isGoodRequest(
  came: SipMessage,
  left: SipMessage,
  to: { address: string; port: number },
): void {
  holdSame(validateRequest(left), undefined, 'faults of what leaves');
  holdSame(left.method, came.method, 'method');
  holdSame(viaValues(left).length, viaValues(came).length + 1, 'Vias of what leaves');
  hold(topVia(left)?.branch?.startsWith('z9hG4bK-tr.') === true, 'our Via is on top');
  hold(
    Number(left.first('Max-Forwards')) < Number(came.first('Max-Forwards') ?? 256),
    'one hop less',
  );
  const isToProxy = to.address === PROXY.address && to.port === PROXY.port;
  const told = ownFields(left).map(({ name }) => name);
  holdSame(told.filter((name) => name === 'x-trunkd-source').length, isToProxy ? 1 : 0, 'sources');
  hold(told.filter((name) => name === 'x-trunkd-registration').length <= 1, 'one registration');
  hold(told.length <= 2, 'nothing else of ours');
}

type Field = ReturnType<SipMessage['field']>;

function fields(message: SipMessage): readonly Field[] {
  return Array.from({ length: message.fieldCount }, (_, index) => message.field(index));
}

function ownFields(message: SipMessage): readonly Field[] {
  return fields(message).filter(({ name }) => name.startsWith('x-trunkd-'));
}

/** Fields that a proxy changes, adds, or takes away. */
const CHANGED = ['Via', 'Max-Forwards', 'Route', 'Record-Route', 'Content-Length'];

function isSentOnWhole(wire: string, came: SipMessage, left: SipMessage): void {
  const kept = (message: SipMessage) =>
    fields(message)
      .filter(({ name }) => !CHANGED.includes(name) && !name.startsWith('x-trunkd-'))
      .map(({ name, value }) => `${name.toLowerCase()}: ${value}`)
      .join('\n');
  holdSame(kept(left), kept(came), 'fields that are not ours to change');
  holdSame(left.body, came.body, 'body');
  if (left.kind === 'response') holdSame(ownFields(left).length, 0, 'fields of ours in responses');
  const head = wire.slice(0, wire.length - left.body.length);
  hold(!/[^\r]\n|\r[^\n]|\0/.test(head), 'no odd line ends and no NUL leave');
}
