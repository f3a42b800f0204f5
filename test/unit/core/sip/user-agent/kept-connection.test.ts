import { describe, expect, it } from 'vitest';
import { fault, success } from '../../../../../src/core/base/fault.ts';
import { challenge, setUpExchange, TARGET } from '../../../../support/exchange-rig.ts';
import { answerTo, fieldOf, testFlow } from '../../../../support/recording-transport.ts';

describe('an exchange over a connection that was there already', () => {
  const target = { ...TARGET, protocol: 'tcp' } as const;
  const closed = fault('transport.closed', 'peer');

  it('goes over a new one at once where the old one was closed, once', () => {
    const { transport, stack, start, outcomes } = setUpExchange();
    const first = testFlow('tcp');
    transport.next = success(first);
    start({ target });
    const second = testFlow('tcp');
    transport.next = success(second);
    first.isOpen = false;
    stack.flowFailed(first, closed);
    expect(transport.sent.map(({ flow }) => flow)).toEqual([first, second]);
    expect(fieldOf(transport.last, 'CSeq')).toBe('2 REGISTER');
    expect(outcomes).toEqual([]);
    second.isOpen = false;
    stack.flowFailed(second, closed);
    expect(outcomes).toMatchObject([{ kind: 'failed', fault: closed, requests: 2 }]);
  });

  it('still gets its new connection after a challenge behind which that closes', () => {
    const { transport, stack, start, outcomes, time } = setUpExchange();
    const flows = [testFlow('tcp'), testFlow('tcp'), testFlow('tcp')] as const;
    transport.next = success(flows[0]);
    start({ target });
    transport.next = success(flows[1]);
    flows[0].isOpen = false;
    stack.flowFailed(flows[0], closed);
    transport.next = success(flows[2]);
    flows[1].isOpen = false;
    const challenged = answerTo(transport.last, '401 Unauthorized', challenge('n1'));
    stack.received(challenged, flows[1], time.now());
    stack.received(answerTo(transport.last, '200 OK'), flows[2], time.now());
    expect(outcomes).toMatchObject([{ kind: 'response', status: 200, requests: 3 }]);
  });

  it('gives up one over which nothing comes back for 10 s, and goes over a new one', () => {
    const { transport, stack, start, time, outcomes } = setUpExchange();
    const first = testFlow('tcp');
    transport.next = success(first);
    start({ target });
    time.run(9_900);
    expect(transport.closed).toEqual([]);
    time.run(200);
    expect(transport.closed).toMatchObject([{ flow: first, reason: { code: 'timeout.response' } }]);
    first.isOpen = false;
    const second = testFlow('tcp');
    transport.next = success(second);
    for (const { flow, reason } of [...transport.closed]) stack.flowFailed(flow, reason);
    expect(transport.sent.at(-1)?.flow).toBe(second);
    // A new one has proved that it lives: it has the whole time.
    time.run(31_000);
    expect([transport.closed.length, outcomes.length]).toEqual([1, 0]);
    stack.received(answerTo(transport.last, '200 OK'), second, time.now());
    expect(outcomes).toMatchObject([{ kind: 'response', status: 200 }]);
  });

  it('asks after half the time, and leaves it to others where that is answered, however slow it is', () => {
    const { transport, stack, start, time, outcomes } = setUpExchange();
    const flow = testFlow('tcp');
    transport.next = success(flow);
    start({ target });
    time.run(4_900);
    expect(transport.inquired).toEqual([]);
    time.run(200);
    expect(transport.inquired).toEqual([flow]);
    stack.ponged(flow, time.now());
    time.run(20_000);
    stack.received(answerTo(transport.last, '200 OK'), flow, time.now());
    expect(outcomes).toMatchObject([{ kind: 'response', status: 200, requests: 1 }]);
    expect([transport.sent.length, transport.closed, transport.inquired.length]).toEqual([
      1,
      [],
      1,
    ]);
  });

  it('asks in time also where the request has less time, and is not closed for one slow answer', () => {
    const { transport, stack, start, time, outcomes } = setUpExchange();
    const flow = testFlow('tcp');
    transport.next = success(flow);
    start({ target, timeoutMs: 4_000 });
    time.run(2_100);
    expect(transport.inquired).toEqual([flow]);
    stack.ponged(flow, time.now());
    time.run(2_000);
    expect(outcomes).toMatchObject([{ kind: 'failed', fault: { code: 'timeout.response' } }]);
    expect(transport.closed).toEqual([]);
    start({ target, timeoutMs: 4_000 });
    time.run(4_100);
    expect(transport.closed).toMatchObject([{ flow }]);
  });

  it('waits longer where the target always takes long', () => {
    const { transport, stack, start, time } = setUpExchange();
    const flow = testFlow('tcp');
    transport.next = success(flow);
    for (let round = 0; round < 30; round += 1) {
      start({ target });
      time.run(9_000);
      stack.received(answerTo(transport.last, '200 OK'), flow, time.now());
    }
    start({ target });
    time.run(13_000);
    expect(transport.closed).toEqual([]);
    time.run(1_000);
    expect(transport.closed).toMatchObject([{ flow }]);
  });

  it('waits where others are answered over it', () => {
    const { transport, stack, start, time } = setUpExchange();
    const flow = testFlow('tcp');
    transport.next = success(flow);
    start({ target });
    time.run(5_000);
    stack.received('SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n', flow, time.now());
    time.run(20_000);
    expect(transport.closed).toEqual([]);
  });
});
