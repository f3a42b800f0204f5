import { describe, expect, it } from 'vitest';
import { ConnectGate } from '../../../src/net/connect-gate.ts';
import { NET_LIMITS } from '../../../src/net/limits.ts';

function crowd(limits: { connects: number; connectsPerTarget: number }) {
  const gate = new ConnectGate({ ...NET_LIMITS, ...limits });
  const inside: string[] = [];
  const enter = (name: string, target: string) => {
    const connector = { proceed: () => inside.push(name) };
    gate.enter(target, connector);
    return () => gate.leave(target, connector);
  };
  return { gate, inside, enter };
}

describe('the gate for connects', () => {
  it('lets some in for one target, and others pass those that wait for it', () => {
    const { gate, inside, enter } = crowd({ connects: 3, connectsPerTarget: 2 });
    const leaveFirst = enter('a1', 'a');
    for (const name of ['a2', 'a3', 'a4']) enter(name, 'a');
    enter('b1', 'b');
    expect(inside).toEqual(['a1', 'a2', 'b1']);
    expect([gate.inFlight, gate.waiting]).toEqual([3, 2]);
    leaveFirst();
    leaveFirst();
    expect(inside).toEqual(['a1', 'a2', 'b1', 'a3']);
    expect([gate.inFlight, gate.waiting]).toEqual([3, 1]);
  });

  it('keeps the limit of all, and takes the next in turn that has room', () => {
    const { inside, enter } = crowd({ connects: 2, connectsPerTarget: 1 });
    enter('a1', 'a');
    const leaveB = enter('b1', 'b');
    enter('a2', 'a');
    enter('c1', 'c');
    leaveB();
    expect(inside).toEqual(['a1', 'b1', 'c1']);
  });

  it('forgets one that gave up waiting', () => {
    const { gate, inside, enter } = crowd({ connects: 1, connectsPerTarget: 1 });
    const leave = enter('a1', 'a');
    enter('a2', 'a')();
    leave();
    expect(inside).toEqual(['a1']);
    expect([gate.inFlight, gate.waiting]).toEqual([0, 0]);
  });
});
