import { describe, expect, it } from 'vitest';
import {
  type Fault,
  type FaultCode,
  failure,
  fault,
  type Result,
  success,
} from '../../../../../src/core/base/fault.ts';
import { HopLocator } from '../../../../../src/core/sip/locate/locator.ts';
import { LOOKUP_LIMITS } from '../../../../../src/core/sip/locate/lookup-cache.ts';
import type {
  LookupAnswer,
  LookupPort,
  LookupQuestion,
  LookupRecord,
} from '../../../../../src/core/sip/locate/ports.ts';
import { type NextHop, type Target, targetKey } from '../../../../../src/core/sip/locate/target.ts';
import { EVERY_WAY } from '../../../../support/every-way.ts';
import { VirtualTime } from '../../../../support/virtual-time.ts';

/** A name server whose answers the test gives, when it likes. */
class HandLookup implements LookupPort {
  readonly questions: LookupQuestion[] = [];
  readonly #receivers: ((result: Result<LookupAnswer>) => void)[] = [];

  ask(question: LookupQuestion, receive: (result: Result<LookupAnswer>) => void): void {
    this.questions.push(question);
    this.#receivers.push(receive);
  }

  /** Answers question number `index`. */
  answer(index: number, addresses: readonly string[], ttlSec = 60): void {
    const records = addresses.map((address) => ({
      kind: 'address' as const,
      address,
      family: address.includes(':') ? (6 as const) : (4 as const),
    }));
    this.give(index, records, ttlSec);
  }

  give(index: number, records: readonly LookupRecord[], ttlSec = 60): void {
    this.#receivers[index]?.(success({ records, ttlSec }));
  }

  fail(index: number, code: FaultCode = 'dns.failed'): void {
    this.#receivers[index]?.(failure(fault(code, 'network')));
  }
}

/** With a port and one family only, so that a name makes one question. */
function hop(host: string, more: Partial<NextHop> = {}): NextHop {
  return { host, port: 5060, protocol: undefined, secure: false, family: 'ipv4', ...more };
}

interface Rig {
  readonly time: VirtualTime;
  readonly lookup: HandLookup;
  readonly locator: HopLocator;
  /** What was answered so far: keys of targets, or the code of a fault. */
  readonly told: string[];
  locate(to: NextHop): void;
}

function aRig(limits = LOOKUP_LIMITS): Rig {
  const time = new VirtualTime();
  const lookup = new HandLookup();
  const { timers } = time;
  const locator = new HopLocator({ lookup, clock: time, timers, ways: EVERY_WAY }, limits);
  const told: string[] = [];
  const note = (result: Result<readonly Target[], Fault>): void => {
    told.push(result.ok ? result.value.map(targetKey).join(' ') : result.fault.code);
  };
  return { time, lookup, locator, told, locate: (to) => locator.locate(to, note) };
}

describe('an IP literal', () => {
  it.each([
    [hop('192.0.2.1', { port: undefined }), 'udp:192.0.2.1:5060'],
    [hop('192.0.2.1', { port: 5070 }), 'udp:192.0.2.1:5070'],
    [hop('192.0.2.1', { port: undefined, protocol: 'tcp' }), 'tcp:192.0.2.1:5060'],
    [hop('192.0.2.1', { port: undefined, protocol: 'tls' }), 'tls:192.0.2.1:5061'],
    [hop('192.0.2.1', { port: undefined, secure: true }), 'tls:192.0.2.1:5061'],
    [hop('192.0.2.1', { port: undefined, secure: true, protocol: 'udp' }), 'tls:192.0.2.1:5061'],
    [hop('[2001:DB8::1]', { protocol: 'tls', port: 5071 }), 'tls:[2001:db8::1]:5071'],
    [hop('2001:db8::1'), 'udp:[2001:db8::1]:5060'],
    [hop('reg.test', { addresses: ['192.0.2.7', '::1'] }), 'udp:192.0.2.7:5060 udp:[::1]:5060'],
  ])('%o is %s, at once and without a question', (to, key) => {
    const rig = aRig();
    rig.locate(to);
    expect(rig.told).toEqual([key]);
    expect(rig.lookup.questions).toEqual([]);
  });

  it('is the same answer each time, and fresh for ever', () => {
    const { locator } = aRig();
    const to = hop('192.0.2.1');
    const seen: unknown[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      locator.locate(to, (result, freshUntil) => seen.push(result, freshUntil));
    }
    expect(seen[1]).toBeUndefined();
    expect(seen[2]).toBe(seen[0]);
  });
});

describe('a host name', () => {
  it('is asked once, however many wait, also in other spellings', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example'));
    rig.locate(hop('REG.acme.example.', { protocol: 'tcp', port: 5080 }));
    expect(rig.lookup.questions).toEqual([{ kind: 'a', name: 'reg.acme.example' }]);
    expect(rig.told).toEqual([]);
    rig.lookup.answer(0, ['192.0.2.1', '192.0.2.2']);
    expect(rig.told).toEqual([
      'udp:192.0.2.1:5060 udp:192.0.2.2:5060',
      'tcp:192.0.2.1:5080 tcp:192.0.2.2:5080',
    ]);
  });

  it('is asked anew after a standstill that was longer than its TTL', () => {
    const rig = aRig();
    const to = hop('reg.acme.example');
    rig.locate(to);
    rig.lookup.answer(0, ['192.0.2.1'], 600);
    rig.locator.aged(599_000);
    rig.locate(to);
    expect(rig.lookup.questions).toHaveLength(1);
    rig.locator.aged(1_000);
    rig.locate(to);
    expect(rig.lookup.questions).toHaveLength(2);
    expect(rig.told).toHaveLength(2);
    rig.lookup.answer(1, ['192.0.2.9'], 600);
    expect(rig.told.at(-1)).toBe('udp:192.0.2.9:5060');
  });

  it('is known for its TTL, and equal answers are the same object, in whatever order', () => {
    const rig = aRig();
    const to = hop('reg.acme.example');
    const seen: unknown[] = [];
    const locate = (): void =>
      rig.locator.locate(to, (result) => seen.push(result.ok ? result.value : undefined));
    locate();
    rig.lookup.answer(0, ['192.0.2.1', '192.0.2.3'], 60);
    rig.time.run(59_000);
    locate();
    expect(rig.lookup.questions).toHaveLength(1);
    expect(seen[1]).toBe(seen[0]);
    rig.time.run(2_000);
    locate();
    expect(rig.lookup.questions).toHaveLength(2);
    expect(seen).toHaveLength(2);
    rig.lookup.answer(1, ['192.0.2.3', '192.0.2.1']);
    expect(seen[2]).toBe(seen[0]);
    rig.time.run(61_000);
    locate();
    rig.lookup.answer(2, ['192.0.2.2']);
    expect(seen[3]).toMatchObject([{ address: '192.0.2.2' }]);
  });

  it('is known to a hop of the same kind that a reload made', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example'));
    rig.lookup.answer(0, ['192.0.2.1'], 60);
    rig.locate(hop('reg.acme.example'));
    expect(rig.told).toHaveLength(2);
    expect(rig.lookup.questions).toHaveLength(1);
  });

  it.each([
    [0, 5],
    [1, 5],
    [300, 300],
    [86_400, 3_600],
    [Number.MAX_SAFE_INTEGER, 3_600],
  ])('a TTL of %i s counts as %i s', (ttlSec, seconds) => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example'));
    rig.lookup.answer(0, ['192.0.2.1'], ttlSec);
    rig.time.run(seconds * 1000 - 1);
    rig.locate(hop('reg.acme.example'));
    expect(rig.lookup.questions).toHaveLength(1);
    rig.time.run(2);
    rig.locate(hop('reg.acme.example'));
    expect(rig.lookup.questions).toHaveLength(2);
  });

  it('gives at most 16 targets, each once, and none that is no address', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example'));
    const many = Array.from({ length: 50 }, (_, index) => `192.0.2.${index + 1}`);
    rig.lookup.answer(0, ['nonsense', '192.0.2.1', ...many]);
    const targets = rig.told[0]?.split(' ') ?? [];
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.length).toBeLessThanOrEqual(16);
    expect(new Set(targets).size).toBe(targets.length);
    expect(targets[0]).toBe('udp:192.0.2.1:5060');
  });

  it.each([[[]], [['nonsense']]])('an answer of %o is dns.notFound', (addresses) => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example'));
    rig.lookup.answer(0, addresses);
    expect(rig.told).toEqual(['dns.notFound']);
  });

  it.each([
    [10, 10],
    [900, 30],
  ])(
    'that there is nothing is believed as long as the DNS says, up to 30 s: TTL %i',
    (ttlSec, seconds) => {
      const rig = aRig();
      rig.locate(hop('reg.acme.example'));
      rig.lookup.answer(0, [], ttlSec);
      rig.time.run(seconds * 1000 - 1);
      rig.locate(hop('reg.acme.example'));
      expect(rig.lookup.questions).toHaveLength(1);
      rig.time.run(2);
      rig.locate(hop('reg.acme.example'));
      expect(rig.lookup.questions).toHaveLength(2);
    },
  );
});

describe('what is not there', () => {
  it('is asked again behind the back of those who have targets to go on with', () => {
    const rig = aRig();
    const to = hop('reg.acme.example', { family: 'auto' });
    rig.locate(to);
    rig.lookup.answer(0, ['192.0.2.1'], 300);
    rig.lookup.answer(1, [], 10);
    rig.time.run(20_000);
    rig.locate(to);
    expect(rig.told).toHaveLength(2);
    expect(rig.lookup.questions.map(({ kind }) => kind)).toEqual(['a', 'aaaa', 'aaaa']);
    rig.lookup.answer(2, ['2001:db8::1'], 300);
    rig.locate(to);
    expect(rig.told.at(-1)).toBe('udp:192.0.2.1:5060 udp:[2001:db8::1]:5060');
  });
});

describe('a DNS that fails', () => {
  it('is believed for 30 s, and then asked again', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example'));
    rig.lookup.fail(0, 'dns.timeout');
    rig.time.run(29_000);
    rig.locate(hop('reg.acme.example'));
    expect(rig.told).toEqual(['dns.timeout', 'dns.timeout']);
    expect(rig.lookup.questions).toHaveLength(1);
    rig.time.run(2_000);
    rig.locate(hop('reg.acme.example'));
    expect(rig.lookup.questions).toHaveLength(2);
    rig.lookup.answer(1, ['192.0.2.1']);
    expect(rig.told.at(-1)).toBe('udp:192.0.2.1:5060');
  });

  it.each(['dns.failed', 'dns.timeout', 'dns.notFound'] as const)(
    '%s: what it said last is used for a day, then no more',
    (code) => {
      const rig = aRig();
      rig.locate(hop('reg.acme.example'));
      rig.lookup.answer(0, ['192.0.2.1'], 60);
      let failed = 1;
      for (let hour = 0; hour < 26; hour += 1) {
        rig.time.run(3_600_000);
        rig.told.length = 0;
        rig.locate(hop('reg.acme.example'));
        for (; failed < rig.lookup.questions.length; failed += 1) {
          if (code === 'dns.notFound') rig.lookup.give(failed, []);
          else rig.lookup.fail(failed, code);
        }
        // The first one after the day still gets the old answer, while the new one is on its way.
        if (hour === 24) continue;
        expect(rig.told).toEqual([hour < 24 ? 'udp:192.0.2.1:5060' : code]);
      }
    },
  );

  it('makes nobody wait once it is known to fail, as long as there is an old answer', () => {
    const rig = aRig();
    const to = hop('reg.acme.example');
    rig.locate(to);
    rig.lookup.answer(0, ['192.0.2.1'], 60);
    rig.time.run(61_000);
    rig.locate(to);
    rig.lookup.fail(1);
    expect(rig.told).toHaveLength(2);
    rig.time.run(31_000);
    rig.locate(to);
    expect(rig.told).toHaveLength(3);
    expect(rig.lookup.questions).toHaveLength(3);
    rig.lookup.answer(2, ['192.0.2.2']);
    rig.locate(to);
    expect(rig.told.at(-1)).toBe('udp:192.0.2.2:5060');
  });

  it('has six seconds for a hop, with all its questions', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example', { port: undefined }));
    rig.time.run(4_000);
    rig.lookup.give(0, []);
    rig.time.run(1_900);
    expect(rig.told).toEqual([]);
    rig.time.run(200);
    expect(rig.told).toEqual(['dns.timeout']);
    expect(rig.time.timers.size).toBe(0);
  });

  it('a name server that fails at NAPTR alone does not stop us', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example', { port: undefined }));
    rig.lookup.fail(0);
    rig.lookup.give(1, []);
    rig.lookup.give(2, []);
    rig.lookup.answer(3, ['192.0.2.1']);
    expect(rig.lookup.questions.map(({ kind }) => kind)).toEqual(['naptr', 'srv', 'srv', 'a']);
    expect(rig.told).toEqual(['udp:192.0.2.1:5060']);
  });

  it('without its SRV records nobody is sent to where the A record points', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example', { port: undefined, protocol: 'udp' }));
    rig.lookup.fail(0);
    expect(rig.told).toEqual(['dns.failed']);
    expect(rig.lookup.questions).toHaveLength(1);
  });

  it('tells when asking again makes sense, never at once', () => {
    const rig = aRig();
    const to = hop('reg.acme.example');
    const waits: number[] = [];
    const locate = (): void =>
      rig.locator.locate(to, (_, freshUntil) => {
        waits.push((freshUntil ?? Number.NaN) - rig.time.now());
      });
    locate();
    rig.lookup.answer(0, ['192.0.2.1'], 0);
    rig.time.run(6_000);
    locate();
    rig.lookup.fail(1);
    rig.time.run(60_000);
    locate();
    expect(waits).toEqual([5_000, 30_000, 5_000]);
  });
});

describe('late and lost answers', () => {
  it('an answer that comes after the question was asked anew is not used', () => {
    const rig = aRig();
    rig.locate(hop('reg.acme.example'));
    rig.time.run(11_000);
    expect(rig.told).toEqual(['dns.timeout']);
    rig.time.run(40_000);
    rig.locate(hop('reg.acme.example'));
    expect(rig.lookup.questions).toHaveLength(2);
    rig.lookup.answer(0, ['192.0.2.66']);
    expect(rig.told).toHaveLength(1);
    rig.lookup.answer(1, ['192.0.2.1']);
    rig.lookup.answer(1, ['192.0.2.66']);
    expect(rig.told).toEqual(['dns.timeout', 'udp:192.0.2.1:5060']);
    expect(rig.locator.counts.late).toBe(2);
  });

  it('names are forgotten beyond the limit, oldest first, and late answers to them harm nobody', () => {
    const rig = aRig({ ...LOOKUP_LIMITS, maxNames: 3 });
    for (const name of ['a', 'b', 'c', 'd']) {
      rig.locate(hop(`${name}.example`));
      rig.lookup.answer(rig.lookup.questions.length - 1, ['192.0.2.1']);
    }
    expect(rig.locator.counts).toEqual({ names: 3, forgotten: 1, late: 0 });
    rig.locate(hop('b.example'));
    expect(rig.lookup.questions).toHaveLength(4);
    rig.locate(hop('a.example'));
    expect(rig.lookup.questions).toHaveLength(5);
    rig.lookup.answer(0, ['192.0.2.66']);
    expect(rig.told).toHaveLength(5);
  });

  it('who asks again from inside an answer gets one', () => {
    const rig = aRig();
    const to = hop('reg.acme.example');
    let inner = '';
    rig.locator.locate(to, () =>
      rig.locator.locate(to, (result) => {
        inner = result.ok ? 'ok' : 'fault';
      }),
    );
    rig.lookup.answer(0, ['192.0.2.1']);
    expect(inner).toBe('ok');
  });
});
