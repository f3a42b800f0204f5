/** `sizePolicy: tcp` (RFC 3261 section 18.1.1). */
import { describe, expect, it } from 'vitest';
import { failure, fault, success } from '../../../../../src/core/base/fault.ts';
import { challenge, setUpExchange, TARGET } from '../../../../support/exchange-rig.ts';
import { answerTo, fieldOf, testFlow } from '../../../../support/recording-transport.ts';

const LARGE = { tail: tailOf(1_300), sizePolicy: 'tcp' } as const;
const KEY = 'udp:192.0.2.1:5060';

function tailOf(octets: number) {
  return (flow: { readonly contactHost: string }) =>
    `Contact: <sip:alice@${flow.contactHost}>\r\nX-Filler: ${'x'.repeat(octets)}\r\n`;
}

/** Connections wait for the test; datagrams leave by `udp` at once. */
function setUp() {
  const rig = setUpExchange();
  const udp = testFlow();
  const tcp = { ...testFlow('tcp'), contactHost: '198.51.100.7:49999' };
  const { transport } = rig;
  const waiting: Parameters<typeof transport.open>[1][] = [];
  transport.open = (request, receive) => {
    transport.opened.push(request);
    if (request.target.protocol === 'udp') receive(success(udp));
    else waiting.push(receive);
  };
  return { ...rig, udp, tcp, waiting };
}

describe('a request that is too large for a datagram', () => {
  it('goes over TCP to the same address and port, with its own Via and the same Contact', () => {
    const { transport, start, stack, time, outcomes, events, tcp, waiting } = setUp();
    start(LARGE);
    expect(transport.sent).toEqual([]);
    expect(transport.opened.at(-1)).toMatchObject({
      ...{ target: { ...TARGET, protocol: 'tcp' }, localSocket: undefined },
    });
    waiting[0]?.(success(tcp));
    expect(transport.sent.map(({ flow }) => flow)).toEqual([tcp]);
    expect(fieldOf(transport.last, 'Via')).toMatch(/^SIP\/2\.0\/TCP /);
    expect(fieldOf(transport.last, 'Contact')).toBe('<sip:alice@198.51.100.7:5070>');
    expect(fieldOf(transport.last, 'CSeq')).toBe('1 REGISTER');
    // No copies over a connection, and no warning.
    time.run(5_000);
    expect(transport.sent).toHaveLength(1);
    expect(events).toEqual([]);
    stack.received(answerTo(transport.last, '200 OK'), tcp, time.now());
    expect(outcomes).toMatchObject([{ kind: 'response', status: 200, flow: tcp, requests: 1 }]);
  });

  it('answers a challenge over the same connection; a nonce is counted once for each request', () => {
    const { transport, start, stack, time, tcp, waiting } = setUp();
    start(LARGE);
    waiting[0]?.(success(tcp));
    stack.received(answerTo(transport.last, '401 No', challenge('n1')), tcp, time.now());
    expect(transport.sent.map(({ flow }) => flow)).toEqual([tcp, tcp]);
    expect(fieldOf(transport.last, 'Authorization')).toContain('nc=00000001');
    expect(fieldOf(transport.last, 'Contact')).toBe('<sip:alice@198.51.100.7:5070>');
  });

  it('may be the repeat only, which is larger by its credentials', () => {
    const { transport, start, answer, udp, tcp, waiting } = setUp();
    start({ ...LARGE, tail: tailOf(950) });
    expect(transport.sent.map(({ flow }) => flow)).toEqual([udp]);
    answer('401 No', challenge('n1'));
    waiting[0]?.(success(tcp));
    expect(transport.sent.map(({ flow }) => flow)).toEqual([udp, tcp]);
    expect(fieldOf(transport.last, 'CSeq')).toBe('2 REGISTER');
    expect(fieldOf(transport.last, 'Authorization')).toContain('nc=00000001');
  });

  it('goes over UDP where TCP is refused, and so do others there for ten minutes', () => {
    const { transport, start, answer, time, events, udp, waiting } = setUp();
    start(LARGE);
    waiting[0]?.(failure(fault('transport.refused', 'peer')));
    expect(transport.sent.map(({ flow }) => flow)).toEqual([udp]);
    expect(fieldOf(transport.last, 'CSeq')).toBe('1 REGISTER');
    expect(events).toMatchObject([{ type: 'request.large', target: KEY }]);
    answer('200 OK');
    start(LARGE);
    expect(waiting).toHaveLength(1);
    answer('200 OK');
    time.run(600_000);
    start(LARGE);
    expect(waiting).toHaveLength(2);
  });

  it('tries TCP again where it was the whole target that was away', () => {
    const { start, time, outcomes, waiting } = setUp();
    start(LARGE);
    waiting[0]?.(failure(fault('transport.refused', 'peer')));
    // Nothing comes back over UDP either.
    time.run(33_000);
    expect(outcomes).toHaveLength(1);
    start(LARGE);
    expect(waiting).toHaveLength(2);
  });

  it('tries UDP the next time where nothing comes back over TCP', () => {
    const { start, time, outcomes, tcp, waiting, transport, udp } = setUp();
    start(LARGE);
    waiting[0]?.(success(tcp));
    time.run(33_000);
    expect(outcomes).toMatchObject([{ kind: 'failed', fault: { code: 'timeout.response' } }]);
    start(LARGE);
    expect(transport.sent.at(-1)?.flow).toBe(udp);
  });

  it('goes over UDP, with a warning, unless it is told otherwise', () => {
    const { transport, start, events, udp } = setUp();
    start({ ...LARGE, sizePolicy: undefined });
    expect(transport.sent.map(({ flow }) => flow)).toEqual([udp]);
    expect(events).toHaveLength(1);
  });
});
