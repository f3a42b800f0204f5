import { describe, expect, it } from 'vitest';
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
