/**
 * Broken messages in the thousands, after the test groups of PROTOS c07-sip: each place of a request with each
 * kind of anomaly, as OPTIONS, as other methods and as responses; in between the daemon has to answer.
 */
import type { Protocol } from './quirk-case.ts';
import type { UasCase } from './uas-cases.ts';
import { type Place, request, statusOf, UasPeer } from './uas-peer.ts';

/** PROTOS c07-sip has 4,527. */
const FEWEST = 4527;
const CHECK_EVERY = 20;

const repeated = (what: string): readonly string[] =>
  [1, 2, 17, 128, 1023, 4096, 32_766].map((count) => what.repeat(Math.ceil(count / what.length)));

const ANOMALIES: readonly string[] = [
  '',
  ...['a', ' ', '\t', '\0', ':', ';', ',', '<', '"', '%', '/', '@', '[', '\xff', '\r\n '].flatMap(
    repeated,
  ),
  ...['%s', '%n', '%d%x', '%00', '../', '\\"', '<>', ';;', '=', '0'].flatMap(repeated),
  ...['-1', '0', '4294967295', '4294967296', '99999999999999999999', '1e9', '0x7f', '+5'],
  ...['\xc0\xaf', '\xed\xa0\x80', '\xf4\x90\x80\x80', '\r', '\n', '\r\n\r\n', '\x7f', '\u0001'],
  ...['[::', '[::1]:99999', '256.256.256.256', 'sip:', 'sip:@', 'sip:a@b@c', 'SIP/2.0', 'z9hG4bK'],
];

/** Where an anomaly goes. */
const PLACES: readonly ((peer: UasPeer, odd: string) => string)[] = [
  (peer, odd) => request(peer, { CSeq: `1 ${odd}` }, `${odd} sip:trunkd@127.0.0.1 SIP/2.0`),
  (peer, odd) => request(peer, {}, `OPTIONS ${odd} SIP/2.0`),
  (peer, odd) => request(peer, {}, `OPTIONS sip:${odd} SIP/2.0`),
  (peer, odd) => request(peer, {}, `OPTIONS sip:a@${odd} SIP/2.0`),
  (peer, odd) => request(peer, {}, `OPTIONS sip:a@b SIP/${odd}`),
  (peer, odd) => request(peer, {}, `INVITE sip:a@${odd};x=${odd}?y=${odd} SIP/2.0`),
  (peer, odd) => request(peer, { Via: odd }),
  (peer, odd) => request(peer, { Via: `SIP/2.0/UDP ${odd};branch=z9hG4bKx` }),
  (peer, odd) => request(peer, { Via: `${peer.via};branch=${odd}` }),
  (peer, odd) => request(peer, { Via: `${peer.via};rport=${odd};received=${odd};branch=z9hG4bKy` }),
  (peer, odd) => request(peer, { Via: [`${peer.via};branch=z9hG4bKz`, ...Array(50).fill(odd)] }),
  (peer, odd) => request(peer, { From: odd }),
  (peer, odd) => request(peer, { From: `"${odd}" <sip:a@b>;tag=${odd}` }),
  (peer, odd) => request(peer, { To: odd }),
  (peer, odd) => request(peer, { To: `<sip:${odd}@b>;${odd}` }),
  (peer, odd) => request(peer, { 'Call-ID': odd }),
  (peer, odd) => request(peer, { CSeq: odd }),
  (peer, odd) => request(peer, { CSeq: `${odd} OPTIONS` }),
  (peer, odd) => request(peer, { 'Max-Forwards': odd }),
  (peer, odd) => request(peer, { Contact: odd }),
  (peer, odd) => request(peer, { Contact: `<sip:${odd}>;expires=${odd};q=${odd}` }),
  (peer, odd) => request(peer, { Expires: odd }),
  (peer, odd) => request(peer, { Require: odd }),
  (peer, odd) => request(peer, { Authorization: `Digest ${odd}="${odd}"` }),
  (peer, odd) => request(peer, { 'Content-Type': odd }, undefined, 'x'),
  (peer, odd) => request(peer, { [`X${odd}`]: odd }),
  (peer, odd) => request(peer).replace('Content-Length: 0', `Content-Length: ${odd}`),
  (peer, odd) => request(peer, {}, undefined, odd),
  (peer, odd) => `${odd}${request(peer)}`,
  (peer, odd) => request(peer).replaceAll('\r\n', odd),
  (peer, odd) => answer(peer, odd, 'OK', {}),
  (peer, odd) => answer(peer, '200', odd, {}),
  (peer, odd) => answer(peer, '401', 'No', { 'WWW-Authenticate': odd }),
  (peer, odd) => answer(peer, '200', 'OK', { CSeq: odd, Contact: `<${odd}>;expires=${odd}` }),
];

const answer = (
  peer: UasPeer,
  status: string,
  reason: string,
  parts: Readonly<Record<string, string>>,
): string => request(peer, parts, `SIP/2.0 ${status} ${reason}`);

export const ANOMALY_CASE: UasCase = {
  id: 'uas/anomalies',
  title: `Each of ${ANOMALIES.length} anomalies in each of ${PLACES.length} places; OPTIONS is answered after every ${CHECK_EVERY}`,
  protocols: ['udp'],
  run: async (place: Place, protocol: Protocol) => {
    const peer = await UasPeer.to(place, protocol);
    // A peer of its own asks how the daemon is: whatever the others get does not confuse it.
    const nurse = await UasPeer.to(place, protocol);
    const wires = PLACES.flatMap((put) => ANOMALIES.map((odd) => put(peer, odd)));
    const flaws: string[] = [];
    if (wires.length < FEWEST) flaws.push(`only ${wires.length} messages`);
    for (const [index, wire] of wires.entries()) {
      if (wire.length < 65_000) peer.send(wire);
      if (index % CHECK_EVERY > 0 && index + 1 < wires.length) continue;
      const [reply] = await nurse.ask(request(nurse));
      if (statusOf(reply) !== 200) flaws.push(`after message ${index}: ${statusOf(reply)}`);
    }
    peer.close();
    nurse.close();
    return flaws;
  },
};
