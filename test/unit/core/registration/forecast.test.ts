import { describe, expect, it } from 'vitest';
import { forecastBringUp } from '../../../../src/core/registration/forecast.ts';
import type { RegistrationProfile } from '../../../../src/core/registration/spec.ts';
import { aProfile, aRegistration } from '../../../support/registration/rig.ts';

const PACING = { perTarget: 6, burst: 3, max: 6 };

function hopOf(host: string): RegistrationProfile['hop'] {
  return { host, port: undefined, protocol: 'udp', secure: false };
}

function many(count: number, profile: RegistrationProfile) {
  return Array.from({ length: count }, (_, index) => aRegistration(`u${index}`, profile));
}

describe('the forecast of a start', () => {
  it('is two requests for each at the pace of one target, less the burst', () => {
    expect(forecastBringUp(many(150, aProfile()), PACING)).toMatchObject({
      ...{ bindings: 150, bindingsThere: 150, durationSec: 50 },
      hop: { host: 'reg.acme.example' },
    });
    expect(forecastBringUp(many(1, aProfile()), PACING)?.durationSec).toBe(0);
  });

  it('is that of the registrar that takes longest', () => {
    const specs = [
      ...many(10, aProfile({ hop: hopOf('a.example') })),
      // Two profiles, one hop.
      ...many(30, aProfile({ hop: hopOf('b.example') })),
      ...many(30, aProfile({ hop: hopOf('b.example'), expiresSec: 60 })),
    ];
    expect(forecastBringUp(specs, PACING)).toMatchObject({
      ...{ bindings: 70, bindingsThere: 60, durationSec: 20, hop: { host: 'b.example' } },
    });
  });

  it('counts each leg that is made at once, and none that waits or is switched off', () => {
    const profiles = ['a.example', 'b.example'].map((host) => aProfile({ hop: hopOf(host) }));
    const legs = (mode: 'parallel' | 'serial') => aProfile({ legs: { mode, profiles } });
    expect(forecastBringUp(many(9, legs('parallel')), PACING)).toMatchObject({
      ...{ bindings: 18, bindingsThere: 9 },
    });
    expect(forecastBringUp(many(9, legs('serial')), PACING)).toMatchObject({
      ...{ bindings: 9, hop: { host: 'a.example' } },
    });
    expect(forecastBringUp(many(9, aProfile({ admin: 'off' })), PACING)).toBeUndefined();
  });

  it('is not made where there is no pace, or nobody', () => {
    const unpaced = { perTarget: 0, burst: 1, max: 0 };
    expect(forecastBringUp(many(9, aProfile()), unpaced)).toBeUndefined();
    expect(forecastBringUp([], PACING)).toBeUndefined();
  });
});
