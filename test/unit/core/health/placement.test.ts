import { describe, expect, it } from 'vitest';
import { failure, fault, success } from '../../../../src/core/base/fault.ts';
import { after } from '../../../../src/core/base/instant.ts';
import { Timer } from '../../../../src/core/base/timer-queue.ts';
import type { LookupPort } from '../../../../src/core/sip/locate/ports.ts';
import { aContract, aServer, ProbeLab } from '../../../support/health/probe-lab.ts';

const KEY_A = 'udp:192.0.2.1:5060';
const KEY_B = 'udp:192.0.2.2:5060';

/** A name server by hand: answers after 10 ms what `answer` says. */
class Names implements LookupPort {
  answer: readonly string[] | 'fails' | 'unknown' = ['192.0.2.1'];
  asked = 0;
  lab: ProbeLab | undefined;

  ask(_: unknown, receive: Parameters<LookupPort['ask']>[1]): void {
    this.asked += 1;
    const { lab } = this;
    if (lab === undefined) return;
    const timer = new Timer(() => {
      const { answer } = this;
      if (answer === 'fails') receive(failure(fault('dns.timeout', 'network')));
      else if (answer === 'unknown') receive(failure(fault('dns.notFound', 'config')));
      else {
        const records = answer.map((address) => ({
          kind: 'address' as const,
          address,
          family: 4 as const,
        }));
        receive(success({ records, ttlSec: 60 }));
      }
    });
    lab.time.timers.arm(timer, after(lab.time.now(), 10));
  }
}

function aNamedServer(names: Names): ProbeLab {
  const lab = new ProbeLab(1, names);
  names.lab = lab;
  const hop = {
    host: 'sip.acme.example',
    port: 5060,
    protocol: 'udp',
    secure: false,
    family: 'ipv4',
  } as const;
  const server = aServer('sip.acme.example', { name: 'named', hop, sourceCheck: 'set' });
  lab.prober.apply([aContract([server])]);
  lab.run(15);
  return lab;
}

describe('a server with a name', () => {
  const ID = 'acme/named';

  it('has every address probed; one that is up is enough', () => {
    const names = new Names();
    names.answer = ['192.0.2.1', '192.0.2.2'];
    const lab = aNamedServer(names);
    expect(lab.server(ID).targets.map(({ target }) => target)).toEqual([KEY_A, KEY_B]);
    expect(lab.network.requests[0]?.request.alternatives).toEqual(['192.0.2.1', '192.0.2.2']);
    lab.network.behave(KEY_A, 503);
    lab.run(30);
    expect(lab.word(ID)).toBe('up enabled');
    lab.network.behave(KEY_B, 503);
    lab.run(30);
    expect(lab.word(ID)).toBe('down disabled lastResort');
    expect(lab.server(ID).cause?.text).toMatch(/^udp:192\.0\.2\.\d:5060: /);
  });

  it('follows its addresses, by the TTL', () => {
    const names = new Names();
    names.answer = ['192.0.2.1', '192.0.2.2'];
    const lab = aNamedServer(names);
    names.answer = ['192.0.2.2', '192.0.2.3'];
    lab.run(62);
    expect(lab.server(ID).targets.map(({ target }) => target)).toEqual([
      KEY_B,
      'udp:192.0.2.3:5060',
    ]);
    lab.network.requests.length = 0;
    lab.run(30);
    expect(lab.network.requests.some(({ key }) => key === KEY_A)).toBe(false);
    expect(lab.changes(ID)).toEqual(['up enabled']);
  });

  it('follows a reload that gives its addresses, and one that gives others', () => {
    const lab = aNamedServer(new Names());
    const hop = { host: 'sip.acme.example', port: 5060, protocol: 'udp', secure: false } as const;
    const probedAt = (...addresses: readonly string[]) => {
      const differing = { name: 'named', hop: { ...hop, addresses }, sourceCheck: 'set' } as const;
      lab.prober.apply([aContract([aServer('sip.acme.example', differing)])]);
      lab.run(1);
      return lab.server(ID).targets.map(({ target }) => target);
    };
    expect(probedAt('192.0.2.8')).toEqual(['udp:192.0.2.8:5060']);
    expect(probedAt('192.0.2.9')).toEqual(['udp:192.0.2.9:5060']);
  });

  it.each(['fails', 'unknown'] as const)('keeps the last ones while the DNS %s', (answer) => {
    const names = new Names();
    const lab = aNamedServer(names);
    names.answer = answer;
    lab.run(3_600);
    expect(lab.word(ID)).toBe('up enabled');
    expect(lab.changes(ID)).toEqual(['up enabled']);
    expect(names.asked).toBeLessThan(140);
    names.answer = ['192.0.2.9'];
    lab.run(60);
    expect(lab.server(ID).targets.map(({ target }) => target)).toEqual(['udp:192.0.2.9:5060']);
  });

  it('that was never found is enabled, ranked last, said once, and asked for again', () => {
    const names = new Names();
    names.answer = 'unknown';
    const lab = aNamedServer(names);
    lab.run(300);
    expect(lab.word(ID)).toBe('unknown enabled lastResort');
    expect(lab.notices()).toEqual(['dns.notFound']);
    expect(lab.server(ID)).toMatchObject({ cause: { code: 'dns.notFound' }, targets: [] });
    expect(lab.server(ID).nextProbeAt).toBeGreaterThan(lab.time.now());
    expect(names.asked).toBeGreaterThan(8);
    names.answer = ['192.0.2.1'];
    lab.run(45);
    expect(lab.word(ID)).toBe('up enabled');
  });

  it('whose name server never answers is asked for again', () => {
    const names = new Names();
    const lab = new ProbeLab(1, names);
    const hop = { host: 'sip.acme.example', port: 5060, protocol: 'udp', secure: false } as const;
    lab.prober.apply([aContract([aServer('sip.acme.example', { name: 'named', hop })])]);
    lab.run(100);
    expect(names.asked).toBeGreaterThan(2);
    expect(lab.word(ID)).toBe('unknown enabled lastResort');
  });
});

describe('a DNS that is dead', () => {
  it('is no evidence against anybody: the last addresses are probed on, and no verdict changes', () => {
    const names = new Names();
    names.answer = ['192.0.2.1', '192.0.2.2'];
    const lab = aNamedServer(names);
    const changes = lab.changes('acme/named').length;
    names.answer = 'fails';
    lab.run(3_600);
    expect(lab.word('acme/named')).toBe('up enabled');
    expect(lab.changes('acme/named')).toHaveLength(changes);
    expect(lab.server('acme/named').targets.map(({ state }) => state)).toEqual(['up', 'up']);
  });
});
