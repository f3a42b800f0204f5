/** IPv6 in SIP (RFC 5118): messages of our own for each of its rules, to the daemon at ::1. */
import type { Protocol } from './quirk-case.ts';
import type { UasCase } from './uas-cases.ts';
import { type Place, request, statusOf, UasPeer, valuesOf } from './uas-peer.ts';

const options = (uri: string): string => `OPTIONS ${uri} SIP/2.0`;

export const IPV6_CASE: UasCase = {
  id: 'uas/ipv6',
  title:
    'RFC 5118: brackets, ambiguous ports, received in both forms, three colons, mapped addresses',
  protocols: ['udp', 'tcp', 'tls'],
  run: async ({ ports, ca }: Place, protocol: Protocol) => {
    const peer = await UasPeer.to({ host: '::1', ports, ca }, protocol);
    const flaws: string[] = [];
    const ask = async (what: string, status: number, wire: string): Promise<string | undefined> => {
      const [reply] = await peer.ask(wire);
      if (statusOf(reply) !== status) flaws.push(`${what}: ${statusOf(reply)}, not ${status}`);
      return reply;
    };
    const inVia = (value: string): string[] => [
      `${peer.via};rport;branch=z9hG4bKsix${peer.port}${value.length}${value.charCodeAt(20)}`,
      value,
    ];
    await ask('4.1 reference', 200, request(peer, {}, options('sip:[2001:db8::10]')));
    await ask('4.2 no brackets', 400, request(peer, {}, options('sip:2001:db8::10')));
    await ask('4.3 ambiguous port', 200, request(peer, {}, options('sip:[2001:db8::10:5070]')));
    await ask('4.4 port', 200, request(peer, {}, options('sip:[2001:db8::10]:5070')));
    for (const via of [
      'SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111',
      'SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-112',
      'SIP/2.0/TCP [2001:db8::9:1]:6050;branch=z9hG4bKas3-113',
      'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKas3-114',
      'SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKas3-115',
      'SIP/2.0/UDP [2001:db8:::192.0.2.1];branch=z9hG4bKas3-116',
    ]) {
      const reply = await ask(via, 200, request(peer, { Via: inVia(via) }));
      if (valuesOf(reply, 'Via')[1] !== via) flaws.push(`${via} came back as another`);
    }
    const reply = await ask(
      '4.7',
      200,
      request(peer, { 'Content-Type': 'application/sdp' }, options('sip:[::1]'), SDP),
    );
    const [top = ''] = valuesOf(reply, 'Via');
    if (!top.includes(';received=::1')) flaws.push(`4.5: received is not bare in ${top}`);
    await ask(
      '4.9 both kinds',
      200,
      request(peer, { Contact: '<sip:a@[2001:db8::1]>, <sip:a@192.0.2.1>' }),
    );
    await ask('4.10 mapped', 200, request(peer, {}, options('sip:a@[::ffff:192.0.2.10]')));
    peer.close();
    return flaws;
  },
};

const SDP = [
  'v=0',
  'o=- 1 1 IN IP6 2001:db8::20',
  's=-',
  'c=IN IP6 2001:db8::20',
  't=0 0',
  'm=audio 9000 RTP/AVP 0',
  '',
].join('\r\n');
