/** Requests of others to the running daemon, and what a user agent server owes them (RFC 3261 section 8.2). */
import type { Protocol } from './quirk-case.ts';
import { type Place, request, statusOf, UasPeer, valuesOf } from './uas-peer.ts';

export interface UasCase {
  readonly id: string;
  readonly title: string;
  readonly protocols: readonly Protocol[];
  readonly policy?: string;
  /** What is wrong; empty: nothing. */
  run(place: Place, protocol: Protocol): Promise<readonly string[]>;
}

const ALL: readonly Protocol[] = ['udp', 'tcp', 'tls'];

/** What was expected of each of several requests, and did not come. */
async function expectStatus(
  peer: UasPeer,
  rows: readonly (readonly [
    what: string,
    wire: string,
    status: number,
    names?: readonly string[],
  ])[],
): Promise<readonly string[]> {
  const flaws: string[] = [];
  for (const [what, wire, status, names = []] of rows) {
    // 0: nothing may come back.
    const [reply] = await peer.ask(wire, 1);
    if (statusOf(reply) !== status) flaws.push(`${what}: ${statusOf(reply)}, not ${status}`);
    for (const name of names)
      if (valuesOf(reply, name).length === 0) flaws.push(`${what}: no ${name}`);
  }
  return flaws;
}

async function withPeer(
  place: Place,
  protocol: Protocol,
  work: (peer: UasPeer) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const peer = await UasPeer.to(place, protocol);
  try {
    return await work(peer);
  } finally {
    peer.close();
  }
}

const LISTS = ['Allow', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Supported'];

export const UAS_CASES: readonly UasCase[] = [
  {
    id: 'uas/options',
    title: 'OPTIONS, also with Max-Forwards 0: 200 with all that section 11.2 names, and a To tag',
    protocols: ALL,
    run: (place, protocol) =>
      withPeer(place, protocol, async (peer) => {
        const flaws = [
          ...(await expectStatus(peer, [
            ['OPTIONS', request(peer), 200, LISTS],
            ['Max-Forwards 0', request(peer, { 'Max-Forwards': '0' }), 200],
            ['without Max-Forwards', request(peer, { 'Max-Forwards': undefined }), 200],
          ])),
        ];
        const untagged = peer.replies.filter((reply) => !/^To: .*;tag=\S+\r$/m.test(reply));
        return [...flaws, ...untagged.map(() => 'no To tag')];
      }),
  },
  {
    id: 'uas/copies',
    title: 'The same request three times, with and without the cookie in its branch',
    protocols: ['udp'],
    run: (place, protocol) =>
      withPeer(place, protocol, async (peer) => {
        const flaws: string[] = [];
        for (const branch of ['z9hG4bKcopy', '1']) {
          const wire = request(peer, { Via: `${peer.via};rport;branch=${branch}` });
          const replies: string[] = [];
          for (let n = 0; n < 3; n += 1) replies.push(...(await peer.ask(wire)));
          if (replies.length !== 3) flaws.push(`${branch}: ${replies.length} answers`);
          if (new Set(replies).size !== 1) flaws.push(`${branch}: answers differ`);
        }
        return flaws;
      }),
  },
  {
    id: 'uas/merged',
    title: 'The same request by another way: 482; a copy of the first still gets its own answer',
    protocols: ['udp'],
    run: (place, protocol) =>
      withPeer(place, protocol, (peer) => {
        const same = { 'Call-ID': 'merged@peer.test' };
        const first = request(peer, { ...same, Via: `${peer.via};rport;branch=z9hG4bKmerged1` });
        return expectStatus(peer, [
          ['the first', first, 200],
          ['another branch', request(peer, same), 482],
          ['a copy', first, 200],
          ['the next request', request(peer, { ...same, CSeq: '2 OPTIONS' }), 200],
        ]);
      }),
  },
  {
    id: 'uas/order',
    title: 'Method, then scheme, then extension, then content: 405, 501, 416, 420, 415',
    protocols: ALL,
    policy: 'An Accept that we cannot serve is passed over: our answers have no body.',
    run: (place, protocol) =>
      withPeer(place, protocol, (peer) => {
        const odd = { Require: 'nothing', 'Content-Type': 'text/odd' };
        const scheme = 'OPTIONS odd:trunkd SIP/2.0';
        const options = 'OPTIONS sip:trunkd@127.0.0.1 SIP/2.0';
        return expectStatus(peer, [
          [
            'a method that is not served',
            request(peer, odd, 'MESSAGE odd:trunkd SIP/2.0', 'x'),
            405,
            ['Allow'],
          ],
          [
            'a method that nobody knows',
            request(peer, odd, 'FOO odd:trunkd SIP/2.0', 'x'),
            501,
            ['Allow'],
          ],
          ['a scheme', request(peer, odd, scheme, 'x'), 416],
          ['an extension', request(peer, odd, options, 'x'), 420, ['Unsupported']],
          [
            'a content type',
            request(peer, { 'Content-Type': 'text/odd' }, options, 'x'),
            415,
            ['Accept'],
          ],
          [
            'a content encoding',
            request(
              peer,
              { 'Content-Type': 'application/sdp', 'Content-Encoding': 'odd' },
              options,
              'x',
            ),
            415,
            ['Accept-Encoding'],
          ],
          [
            'content that may be passed over',
            request(
              peer,
              { 'Content-Type': 'text/odd', 'Content-Disposition': 'render;handling=optional' },
              options,
              'x',
            ),
            200,
          ],
          [
            'a description of a session',
            request(peer, { 'Content-Type': 'application/sdp' }, options, 'v=0\r\n'),
            200,
          ],
          ['an Accept that nobody knows', request(peer, { Accept: 'text/odd' }), 200],
        ]);
      }),
  },
  {
    id: 'uas/dialog',
    title: 'Requests in a dialog or to a transaction that is not ours: 481; an ACK: nothing',
    protocols: ALL,
    run: (place, protocol) =>
      withPeer(place, protocol, (peer) => {
        const inDialog = { To: '<sip:trunkd@127.0.0.1>;tag=ours' };
        return expectStatus(peer, [
          ['OPTIONS', request(peer, inDialog), 481],
          ['BYE', request(peer, inDialog, 'BYE sip:trunkd@127.0.0.1 SIP/2.0'), 481],
          ['CANCEL', request(peer, {}, 'CANCEL sip:trunkd@127.0.0.1 SIP/2.0'), 481],
          ['ACK', request(peer, {}, 'ACK sip:trunkd@127.0.0.1 SIP/2.0'), 0],
          ['ACK in a dialog', request(peer, inDialog, 'ACK sip:trunkd@127.0.0.1 SIP/2.0'), 0],
        ]);
      }),
  },
  {
    id: 'uas/missing',
    title: 'To, From, Call-ID, CSeq missing or there twice, no Via: 400 or nothing, never 200',
    protocols: ALL,
    run: (place, protocol) =>
      withPeer(place, protocol, async (peer) => {
        const flaws: string[] = [];
        const bad = ['To', 'From', 'Call-ID', 'CSeq', 'Via'].flatMap((name) => {
          const value = valuesOf(request(peer), name)[0] ?? '';
          const twice = name === 'Via' ? [] : [{ [name]: [value, value] }];
          return [{ [name]: undefined }, ...twice];
        });
        for (const parts of bad) peer.send(request(peer, parts));
        // What comes after them tells that they were all looked at.
        const replies = await peer.ask(
          request(peer, { 'Call-ID': `last-${protocol}` }),
          bad.length + 1,
        );
        const wrong = replies.filter((reply) => !reply.includes('Call-ID: last-'));
        for (const reply of wrong)
          if (statusOf(reply) !== 400) flaws.push(`answers ${statusOf(reply)}`);
        if (wrong.length === replies.length) flaws.push('the sound one was not answered');
        return flaws;
      }),
  },
  {
    id: 'uas/echo',
    title: 'Via, From, To, Call-ID and CSeq come back octet by octet, in order',
    protocols: ALL,
    run: (place, protocol) =>
      withPeer(place, protocol, async (peer) => {
        const fields = {
          From: '"J\\\\ \\"Rosenberg\\"; x=y" <sip:a;b@peer.test;p=%20?h=1> ; Tag = p-1 ; X=" ,"',
          To: 'trunkd   <sip:trunkd@127.0.0.1;x>;y;z=""',
          'Call-ID': `{}\\%+-_!~*'(["]):<?>/${protocol}`,
          CSeq: '0004294967295   OPTIONS',
        };
        const others = [
          'SIP / 2.0/ UDP [2001:db8::1]:5060 ; branch=a;received=1.2.3.4, SIP/2.0/TLS b',
          'SIP/2.0/XY c;Ttl=7 ; q',
        ];
        const top = `${peer.via};branch=z9hG4bKecho${protocol};rport`;
        const [reply] = await peer.ask(request(peer, { ...fields, Via: [top, ...others] }));
        if (statusOf(reply) !== 200) return [`answers ${statusOf(reply)}`];
        const wrong = Object.entries(fields).filter(([name, value]) => {
          const [echo = ''] = valuesOf(reply, name);
          return name === 'To' ? !echo.startsWith(value) : echo !== value;
        });
        const vias = valuesOf(reply, 'Via').slice(1);
        return [
          ...wrong.map(([name]) => `${name} is ${valuesOf(reply, name)[0]}`),
          ...(JSON.stringify(vias) === JSON.stringify(others)
            ? []
            : [`Vias are ${vias.join(' | ')}`]),
        ];
      }),
  },
  {
    id: 'uas/way-back',
    title: 'received and rport, and to which port the answer goes',
    protocols: ['udp'],
    policy: 'maddr is not followed: a sender could aim us at others.',
    run: wayBack,
  },
  {
    id: 'uas/stranger',
    title: 'Requests from an address that nobody allowed: nothing',
    protocols: ['udp'],
    run: async (place, protocol) => {
      const peer = await UasPeer.to(place, protocol, '127.0.0.3');
      const replies = await peer.ask(request(peer));
      peer.close();
      return replies.map((reply) => `answers ${statusOf(reply)}`);
    },
  },
];

/** RFC 3261 sections 18.2.1 and 18.2.2, RFC 3581 section 4. */
async function wayBack(place: Place, protocol: Protocol): Promise<readonly string[]> {
  const [peer, other] = [await UasPeer.to(place, protocol), await UasPeer.to(place, protocol)];
  const flaws: string[] = [];
  const expectVia = (
    what: string,
    reply: string | undefined,
    ...parts: readonly string[]
  ): void => {
    const [via = ''] = valuesOf(reply, 'Via');
    for (const part of parts) if (!via.includes(part)) flaws.push(`${what}: no ${part} in ${via}`);
  };
  const foreign = `SIP/2.0/UDP pbx.example:${peer.port};branch=z9hG4bKw1`;
  expectVia(
    'another host',
    (await peer.ask(request(peer, { Via: foreign })))[0],
    ';received=127.0.0.1',
  );
  const natted = 'SIP/2.0/UDP 192.0.2.1:5999;rport;branch=z9hG4bKw2';
  const [reply] = await peer.ask(request(peer, { Via: natted }));
  expectVia('rport', reply, `;rport=${peer.port}`, ';received=127.0.0.1');
  const elsewhere = `SIP/2.0/UDP 127.0.0.1:${other.port};branch=z9hG4bKw3`;
  peer.send(request(peer, { Via: elsewhere }));
  if ((await other.after(0, 1)).length !== 1) flaws.push('the port of sent-by got nothing');
  const aimed = `SIP/2.0/UDP 127.0.0.1:${peer.port};maddr=127.0.0.4;branch=z9hG4bKw4`;
  if ((await peer.ask(request(peer, { Via: aimed }))).length !== 1) flaws.push('maddr: no answer');
  peer.close();
  other.close();
  return flaws;
}
