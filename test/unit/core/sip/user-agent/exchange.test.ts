import { describe, expect, it } from 'vitest';
import { fault, success } from '../../../../../src/core/base/fault.ts';
import type { AuthNews } from '../../../../../src/core/sip/digest/session.ts';
import { challenge, setUpExchange, TARGET } from '../../../../support/exchange-rig.ts';
import { answerTo, fieldOf, testFlow } from '../../../../support/recording-transport.ts';

describe('an exchange', () => {
  it('sends a request as RFC 3261 8.1.1 wants it, and reports its answer once', () => {
    const { transport, answer, start, outcomes, time } = setUpExchange();
    start();
    expect(transport.last).toMatch(/^REGISTER sip:registrar\.test SIP\/2\.0\r\n/);
    expect(fieldOf(transport.last, 'Via')).toMatch(
      /^SIP\/2\.0\/UDP 198\.51\.100\.7:5070;rport;branch=z9hG4bK[0-9a-f]{24}$/,
    );
    expect(transport.last.endsWith('Content-Length: 0\r\n\r\n')).toBe(true);
    time.run(20);
    answer('200 OK');
    answer('200 OK');
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toMatchObject({ kind: 'response', status: 200, rttMs: 20, requests: 1 });
  });

  it('waits longer once a provisional answer came, where it is asked to', () => {
    const { answer, start, outcomes, time } = setUpExchange();
    start({ timeoutMs: 6_000, patienceMs: 10_000 });
    time.run(1_000);
    answer('100 Trying');
    time.run(4_000);
    answer('100 Trying');
    time.run(4_900);
    expect(outcomes).toEqual([]);
    time.run(200);
    expect(outcomes).toMatchObject([{ kind: 'failed', fault: { code: 'timeout.response' } }]);
    start({ timeoutMs: 6_000 });
    time.run(1_000);
    answer('100 Trying');
    time.run(5_100);
    expect(outcomes).toHaveLength(2);
  });

  it('answers another realm than before, and tells of it', () => {
    const { transport, answer, start, outcomes } = setUpExchange();
    const told: AuthNews[] = [];
    const authNews = (news: AuthNews) => told.push(news);
    start({ authNews });
    answer('401 Unauthorized', challenge('n1'));
    answer('200 OK');
    start({ authNews });
    expect(told).toEqual([]);
    answer('401 Unauthorized', challenge('n2').replace('registrar.test', 'new.test'));
    expect(told).toEqual([{ kind: 'realmChanged', from: 'registrar.test', to: 'new.test' }]);
    expect(fieldOf(transport.last, 'Authorization')).toContain('realm="new.test"');
    answer('200 OK');
    expect(outcomes[1]).toMatchObject({ kind: 'response', status: 200, requests: 2 });
  });

  it('answers a challenge with a new branch and the next CSeq, and keeps the nonce', () => {
    const { transport, answer, start, outcomes } = setUpExchange();
    start();
    const first = transport.last;
    answer('401 Unauthorized', challenge('n1'));
    const second = transport.last;
    expect(fieldOf(second, 'CSeq')).toBe('2 REGISTER');
    expect(fieldOf(second, 'Call-ID')).toBe(fieldOf(first, 'Call-ID'));
    expect(fieldOf(second, 'Via')).not.toBe(fieldOf(first, 'Via'));
    expect(fieldOf(second, 'Authorization')).toContain('nc=00000001');
    answer('200 OK');
    expect(outcomes[0]).toMatchObject({ kind: 'response', status: 200, requests: 2 });
    start();
    expect(fieldOf(transport.last, 'Authorization')).toContain('nc=00000002');
    answer('200 OK');
    expect(outcomes[1]).toMatchObject({ kind: 'response', status: 200, requests: 1 });
  });

  it('ends with a refusal where the password is wrong, and forgets the nonce', () => {
    const { transport, answer, start, outcomes, session } = setUpExchange();
    start();
    answer('401 Unauthorized', challenge('n1'));
    answer('401 Unauthorized', challenge('n1'));
    expect(outcomes[0]).toMatchObject({
      status: 401,
      requests: 2,
      refusal: { kind: 'credentials', realm: 'registrar.test' },
    });
    expect(transport.sent).toHaveLength(2);
    expect(session.hasNonce).toBe(false);
  });

  it('never answers a challenge without credentials of its own', () => {
    const { transport, answer, start, outcomes } = setUpExchange();
    start({ session: undefined });
    answer('407 Proxy Authentication Required', challenge('n1').replace('WWW', 'Proxy'));
    expect(outcomes[0]).toMatchObject({ status: 407, refusal: { kind: 'noCredentials' } });
    expect(transport.sent).toHaveLength(1);
  });

  it('retransmits on UDP and reports silence after the time-out', () => {
    const { transport, start, outcomes, time } = setUpExchange();
    start({ timeoutMs: 8000 });
    time.run(10_000);
    expect(transport.sent).toHaveLength(5);
    expect(new Set(transport.sent.map(({ wire }) => wire)).size).toBe(1);
    expect(outcomes).toEqual([
      {
        kind: 'failed',
        fault: fault('timeout.response', 'peer'),
        wasSent: true,
        requests: 1,
      },
    ]);
  });

  it('counts resends against the pace of the target', () => {
    const { transport, start, time } = setUpExchange({ perTarget: 1, burst: 1, max: 1 });
    for (let i = 0; i < 5; i += 1) start();
    time.run(32_000);
    // Five first sendings that the test did not pace, then at most one request a second.
    expect(transport.sent.length).toBeLessThanOrEqual(5 + 32 + 1);
    expect(transport.sent.length).toBeGreaterThan(25);
  });

  it.each<[string, (wire: string) => string, string]>([
    [
      'another branch',
      (wire) => wire.replace(/branch=\S{12}/, 'branch=z9hG4bKxxxxx'),
      'noTransaction',
    ],
    ['another CSeq', (wire) => wire.replace('CSeq: 1', 'CSeq: 7'), 'cseq'],
    ['another method', (wire) => wire.replace('1 REGISTER', '1 OPTIONS'), 'cseq'],
    ['another Call-ID', (wire) => wire.replace('call-1', 'call-2'), 'callId'],
    ['another From tag', (wire) => wire.replace('tag=ft1', 'tag=ft2'), 'fromTag'],
    ['another sent-by', (wire) => wire.replace('198.51.100.7:5070', '203.0.113.1:5070'), 'sentBy'],
  ])('drops a forged answer with %s', (_name, forge, reason) => {
    const { transport, stack, start, outcomes, time } = setUpExchange();
    start();
    stack.received(forge(answerTo(transport.last, '200 OK')), testFlow(), time.now());
    expect(outcomes).toEqual([]);
    expect([...stack.counters.dropped.keys()]).toEqual([reason]);
  });

  it.each([
    ['host', '192.0.2.1', 9999, true],
    ['host', '192.0.2.99', 5060, false],
    ['strict', '192.0.2.1', 9999, false],
    ['strict', '192.0.2.1', 5060, true],
    ['set', '192.0.2.99', 7777, true],
    ['set', '192.0.2.98', 5060, false],
    ['off', '203.0.113.9', 1, true],
  ] as const)('source check %s takes an answer from %s:%i: %s', (check, address, port, isTaken) => {
    const { transport, stack, start, outcomes, time, events } = setUpExchange();
    start({ sourceCheck: check });
    const elsewhere = testFlow('udp', { address, port });
    stack.received(answerTo(transport.last, '200 OK'), elsewhere, time.now());
    expect(outcomes).toHaveLength(isTaken ? 1 : 0);
    stack.received(answerTo(transport.last, '200 OK'), elsewhere, time.now());
    const told = events.filter(({ type }) => type === 'response.strayed');
    expect(told).toHaveLength(isTaken ? 0 : 1);
  });

  it('takes a branch that was echoed in upper case', () => {
    const { transport, stack, start, outcomes, time } = setUpExchange();
    start();
    const loud = answerTo(transport.last, '200 OK').replace(
      /branch=(\S+)/,
      (_all, branch: string) => `branch=${branch.toUpperCase()}`,
    );
    stack.received(loud, testFlow(), time.now());
    expect(outcomes).toHaveLength(1);
  });

  it('absorbs copies of an answer for timer K, and then counts them as strays', () => {
    const { answer, start, stack, time } = setUpExchange();
    start();
    answer('200 OK');
    time.run(4000);
    answer('200 OK');
    expect(stack.counters.dropped.get('noTransaction')).toBeUndefined();
    time.run(11_000);
    answer('200 OK');
    expect(stack.counters.dropped.get('noTransaction')).toBe(1);
    expect(stack.transactions.client).toBe(0);
  });

  it('keeps the pace where many waited for one connection', () => {
    const { transport, start, time } = setUpExchange({ perTarget: 10, burst: 2, max: 10 });
    const flow = testFlow('tcp');
    transport.connecting = [];
    for (let i = 0; i < 12; i += 1) start({ target: { ...TARGET, protocol: 'tcp' } });
    time.run(1_000);
    for (const receive of transport.connecting) receive(success(flow));
    expect(transport.sent.length).toBeLessThanOrEqual(2);
    time.run(500);
    expect(transport.sent.length).toBeLessThanOrEqual(2 + 5);
    time.run(1_000);
    expect(transport.sent).toHaveLength(12);
  });

  it('reports a flow that cannot be opened, later', () => {
    const { transport, start, outcomes, time } = setUpExchange();
    transport.refuse(fault('transport.refused', 'peer'));
    start();
    expect(outcomes).toEqual([]);
    time.run(0);
    expect(outcomes).toEqual([
      { kind: 'failed', fault: fault('transport.refused', 'peer'), wasSent: false, requests: 0 },
    ]);
  });

  it('repeats over a new connection when the server closes after its challenge', () => {
    const { transport, stack, start, outcomes, time } = setUpExchange();
    const first = testFlow('tcp');
    transport.next = success(first);
    start({ target: { ...TARGET, protocol: 'tcp' } });
    const second = testFlow('tcp');
    transport.next = success(second);
    first.isOpen = false;
    stack.received(
      answerTo(transport.last, '401 Unauthorized', challenge('n1')),
      first,
      time.now(),
    );
    expect(transport.sent.at(-1)?.flow).toBe(second);
    stack.received(answerTo(transport.last, '200 OK'), second, time.now());
    expect(outcomes[0]).toMatchObject({ kind: 'response', status: 200, requests: 2 });
  });

  it('fails at once with its connection, and closes one on which nothing comes back', () => {
    const { transport, stack, start, outcomes, time } = setUpExchange();
    const flow = testFlow('tcp');
    transport.next = success(flow);
    start({ target: { ...TARGET, protocol: 'tcp' } });
    stack.flowFailed(flow, fault('transport.overflow', 'peer'));
    expect(outcomes[0]).toMatchObject({ kind: 'failed', fault: { code: 'transport.overflow' } });
    start({ target: { ...TARGET, protocol: 'tcp' }, timeoutMs: 5000 });
    time.run(6000);
    expect(outcomes[1]).toMatchObject({ kind: 'failed', fault: { code: 'timeout.response' } });
    expect(transport.closed).toHaveLength(1);
  });

  it('reports nothing after it was cancelled', () => {
    const { answer, start, outcomes, stack } = setUpExchange();
    const exchange = start();
    exchange.cancel();
    exchange.cancel();
    answer('200 OK');
    expect(outcomes).toEqual([]);
    expect(stack.transactions.client).toBe(0);
  });

  it('repeats over a new connection when the old one is closed just behind the challenge, once', () => {
    const { start, transport, stack, time, outcomes } = setUpExchange();
    const target = { ...TARGET, protocol: 'tcp' } as const;
    const closed = fault('transport.closed', 'peer');
    const first = testFlow('tcp');
    transport.next = success(first);
    start({ target });
    stack.received(
      answerTo(transport.last, '401 Unauthorized', challenge('n1')),
      first,
      time.now(),
    );
    expect(transport.sent).toHaveLength(2);
    const second = testFlow('tcp');
    transport.next = success(second);
    first.isOpen = false;
    stack.flowFailed(first, closed);
    expect(transport.sent).toHaveLength(3);
    expect(transport.sent[2]?.flow).toBe(second);
    expect(fieldOf(transport.last, 'CSeq')).toBe('3 REGISTER');
    expect(fieldOf(transport.last, 'Authorization')).toContain('nc=00000002');
    second.isOpen = false;
    stack.flowFailed(second, closed);
    expect(outcomes).toMatchObject([{ kind: 'failed', fault: closed, requests: 3 }]);
  });

  it('tells once of a request that is too large for one packet', () => {
    const { start, events } = setUpExchange();
    const tail = () => `X-Filler: ${'x'.repeat(1300)}\r\n`;
    start({ tail });
    start({ tail });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'request.large', target: 'udp:192.0.2.1:5060' });
  });
});
