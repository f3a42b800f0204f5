import { describe, expect, it } from 'vitest';
import type { RegisteredWay } from '../../../../src/core/health/requirements.ts';
import { parseTargetKey, targetKey } from '../../../../src/core/sip/locate/target.ts';
import { aContract, aServer, ProbeLab } from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';
const requires = { registrations: ['one', 'two'], atLeast: 1 };

function aDependent(atLeast = 1): ProbeLab {
  const lab = new ProbeLab();
  const spec = aServer('192.0.2.1', { requires: { ...requires, atLeast } });
  for (const id of requires.registrations) lab.registrations.set(id, 'pending');
  lab.prober.apply([aContract([spec, aServer('192.0.2.2')])]);
  lab.run(12);
  return lab;
}

describe('a server that requires registrations', () => {
  it('is enabled until their first attempts have ended, and then while enough are bound', () => {
    const lab = aDependent();
    expect(lab.word(A)).toBe('up enabled');
    lab.register('one', 'unbound');
    expect(lab.word(A)).toBe('up enabled');
    lab.register('two', 'unbound');
    expect(lab.word(A)).toBe('up disabled');
    lab.register('two', 'bound');
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.changes(A)).toEqual(['up enabled', 'up disabled', 'up enabled']);
  });

  it('says which are missing, and what they say of themselves', () => {
    const lab = aDependent(2);
    lab.register('one', 'bound');
    lab.register('two', 'unbound');
    const [first, second, third] = lab.server(A).causes;
    expect(first).toMatchObject({
      code: 'requires.unbound',
      text: '1 of the registrations that it needs are bound, 2 have to be; missing: two.',
    });
    expect([second?.code, third?.code]).toEqual(['rejected.forbidden', 'probe.answered']);
  });

  it('is a last resort like any other when nothing is left', () => {
    const lab = aDependent();
    lab.register('one', 'unbound');
    lab.register('two', 'unbound');
    lab.network.behave('udp:192.0.2.2:5060', 503);
    lab.run(20);
    expect(lab.word(A)).toBe('up disabled lastResort');
  });

  it('that came back while verdicts are frozen, and are lost again, stays enabled', () => {
    const lab = new ProbeLab();
    lab.registrations.set('one', 'unbound');
    lab.prober.apply([
      aContract([aServer('192.0.2.1', { requires: { registrations: ['one'], atLeast: 1 } })]),
    ]);
    lab.run(12);
    lab.prober.orderFreeze({ by: 'test', reason: '', until: undefined });
    expect(lab.server('acme/192.0.2.1').enabled).toBe(false);
    lab.register('one', 'bound');
    expect(lab.server('acme/192.0.2.1').enabled).toBe(true);
    lab.register('one', 'unbound');
    expect(lab.server('acme/192.0.2.1').enabled).toBe(true);
    lab.prober.thaw();
    expect(lab.server('acme/192.0.2.1').enabled).toBe(false);
  });

  it('of a registration that is gone is not enabled; without the requirement it is', () => {
    const lab = aDependent(2);
    lab.registrations.delete('one');
    lab.prober.registrationChanged('one');
    lab.run(1);
    expect(lab.word(A)).toBe('up disabled');
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    expect(lab.word(A)).toBe('up enabled');
    lab.register('two', 'unbound');
    expect(lab.word(A)).toBe('up enabled');
  });
});

describe('probes through the flow of a registration', () => {
  const way = (address: string): RegisteredWay => ({
    target: { protocol: 'tcp', address, port: 5060, family: 4 },
    route: ['sip:edge.example;lr', 'sip:core.example;lr'],
    localSocket: 'out',
    tls: { verify: 'strict', identity: address, allowWildcard: false, minVersion: 'TLSv1.2' },
  });

  it('go where it is bound, with its Service-Route, and follow it', () => {
    const lab = new ProbeLab();
    lab.prober.apply([
      aContract([aServer('sip.acme.example', { name: 'a', probeThrough: 'one' })]),
    ]);
    lab.run(60);
    expect(lab.network.requests).toEqual([]);
    expect(lab.word('acme/a')).toBe('unknown enabled');
    lab.registeredWays.set('one', way('192.0.2.7'));
    lab.register('one', 'bound');
    lab.run(12);
    const { request } = lab.network.requests[0] ?? expect.fail('no probe');
    expect(request).toMatchObject({
      target: { protocol: 'tcp', address: '192.0.2.7' },
      route: ['sip:edge.example;lr', 'sip:core.example;lr'],
      localSocket: 'out',
    });
    expect(request.template.requestUri).toBe('sip:sip.acme.example');
    expect(lab.word('acme/a')).toBe('up enabled');
    lab.registeredWays.delete('one');
    lab.register('one', 'unbound');
    lab.run(60);
    expect(lab.word('acme/a')).toBe('up enabled');
    lab.registeredWays.set('one', way('192.0.2.8'));
    lab.register('one', 'bound');
    lab.run(12);
    expect(lab.network.requests.at(-1)?.key).toBe('tcp:192.0.2.8:5060');
  });

  it.each(['udp:192.0.2.1:5060', 'tls:[2001:db8::1]:5061', 'edge1>tcp:192.0.2.1:5060'])(
    '%s is read as it was written',
    (key) => {
      const target = parseTargetKey(key) ?? expect.fail('unreadable');
      expect(targetKey(target)).toBe(key);
    },
  );

  it('what is no target is none', () => {
    for (const key of ['', 'udp:', 'sctp:192.0.2.1:1', 'udp:192.0.2.1', 'udp:a:b']) {
      expect(parseTargetKey(key)).toBeUndefined();
    }
  });
});
