import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/core/base/fault.ts';
import { instant } from '../../../src/core/base/instant.ts';
import { requiredBy, standings } from '../../../src/daemon/join.ts';
import { aRegistration, FakeRegistrationBook } from '../../support/fake-books.ts';

const NO_COUNTS = { attempts: 0, requests: 0, succeeded: 0, failed: 0, lapses: 0 };
const FACTS = {
  path: [],
  associatedUris: [],
  publicGruu: undefined,
  temporaryGruu: undefined,
  others: [],
  otherCount: 0,
};

function portOf(changes: Parameters<typeof aRegistration>[1]) {
  return standings(new FakeRegistrationBook([aRegistration('one', changes)]));
}

describe('how a registration stands', () => {
  it.each([
    [{ bound: true }, 'bound'],
    [{ bound: false, state: 'waiting' }, 'unbound'],
    [{ bound: false, state: 'registering', counters: NO_COUNTS }, 'pending'],
    [{ bound: false, state: 'idle', counters: NO_COUNTS }, 'pending'],
    [{ bound: false, state: 'off', counters: NO_COUNTS }, 'unbound'],
    [{ bound: false, state: 'registering' }, 'unbound'],
  ] as const)('%o: %s', (changes, standing) => {
    expect(portOf(changes).standingOf('one')?.standing).toBe(standing);
    expect(portOf(changes).standingOf('two')).toBeUndefined();
  });
});

describe('the way of a registration', () => {
  it('is its target, socket and Service-Route, and only what may stand in a Route', () => {
    const serviceRoute = [
      '<sip:edge.example;lr>',
      '"Core" <sips:core.example;lr>;x=1',
      '<tel:123>',
      '<sip:a b>',
      'nonsense',
    ];
    const way = portOf({ facts: { ...FACTS, serviceRoute } }).wayOf('one');
    expect(way).toMatchObject({
      target: { protocol: 'udp', address: '192.0.2.1', port: 5060, family: 4 },
      route: ['sip:edge.example;lr', 'sips:core.example;lr'],
    });
  });

  it('is none while it is not bound', () => {
    expect(portOf({ bound: false }).wayOf('one')).toBeUndefined();
    expect(portOf({ target: undefined }).wayOf('one')).toBeUndefined();
  });
});

describe('how a REGISTER ended', () => {
  const at = instant(0);
  const answered = {
    type: 'registration.answered',
    at,
    contract: 'acme',
    requests: 1,
    target: 'udp:192.0.2.1:5060',
  } as const;
  const silence = fault('timeout.response', 'peer');

  function told(wantsReports: boolean): unknown[] {
    const calls: unknown[] = [];
    const receive = requiredBy({
      wantsReports,
      witness: () => calls.push('witness'),
      registerEnded: (report) => calls.push(report.result),
      registrationChanged: () => {},
    });
    receive({ ...answered, code: 403, fault: undefined });
    receive({ ...answered, code: 'timeout', fault: silence });
    receive({ ...answered, code: 'fault', fault: silence, target: undefined });
    return calls;
  }

  it('an answer is a witness, whatever it says', () => {
    expect(told(false)).toEqual(['witness']);
  });

  it('but for a registrar on this machine, unless the answer came through a proxy of ours', () => {
    const seen = (target: string): number => {
      let count = 0;
      const receive = requiredBy({
        wantsReports: false,
        witness: () => {
          count += 1;
        },
        registerEnded: () => {},
        registrationChanged: () => {},
      });
      receive({ ...answered, target, code: 200, fault: undefined });
      return count;
    };
    expect(seen('udp:127.0.0.1:5060')).toBe(0);
    expect(seen('tls:[::1]:5061')).toBe(0);
    expect(seen('edge1>udp:127.0.0.1:5060')).toBe(1);
    expect(seen('tcp:[2001:db8::1]:5060')).toBe(1);
  });

  it('it is told where a server is judged by it', () => {
    expect(told(true)).toEqual([
      'witness',
      { kind: 'registerAnswered', status: 403 },
      { kind: 'failed', fault: silence },
    ]);
  });
});
