/** `failback: dnsTtl` and `{ after }`: bindings that return home by the clock. */
import { describe, expect, it } from 'vitest';
import { success } from '../../../../src/core/base/fault.ts';
import type { RegistrationProfile } from '../../../../src/core/registration/spec.ts';
import { aTarget, Rig } from '../../../support/registration/rig.ts';
import { granted } from '../../../support/registration/scripted-user-agent.ts';

const MINUTE_MS = 60_000;
const HOME = 'udp:192.0.2.1:5060';
const AWAY = 'udp:192.0.2.2:5060';

/** 20 that had to move, since home was silent; refreshed about every 8 minutes. */
function movedAway(failback: RegistrationProfile['failback'], ttlMs?: number) {
  const rig = new Rig();
  rig.ttlMs = ttlMs;
  rig.targets = success(
    [1, 2].map((host, rank) => ({ ...aTarget(`192.0.2.${host}`), standing: { rank, weight: 0 } })),
  );
  const world = { isHomeDead: true };
  rig.userAgent.script = (call) =>
    call.target === HOME && world.isHomeDead ? 'silence' : granted(call, 600);
  rig.add(20, { expiresSec: 600, failback });
  rig.time.run(2 * MINUTE_MS);
  expect(atHome(rig)).toBe(0);
  return { rig, world };
}

function atHome(rig: Rig): number {
  return [...rig.keeper.ids()].filter((id) => rig.of(id).target === HOME).length;
}

function lapses(rig: Rig): number {
  return [...rig.keeper.ids()].reduce((sum, id) => sum + rig.of(id).counters.lapses, 0);
}

describe('failback after a time', () => {
  it('leaves bindings where they are until then, and brings all home with their next refresh', () => {
    const { rig, world } = movedAway({ afterMs: 60 * MINUTE_MS });
    world.isHomeDead = false;
    rig.time.run(55 * MINUTE_MS);
    expect(atHome(rig)).toBe(0);
    rig.time.run(20 * MINUTE_MS);
    expect(atHome(rig)).toBe(20);
    expect(lapses(rig)).toBe(0);
  });

  it('waits as long again where home is still silent', () => {
    const { rig } = movedAway({ afterMs: 60 * MINUTE_MS });
    rig.userAgent.calls.length = 0;
    rig.time.run(4 * 60 * MINUTE_MS);
    expect([...rig.keeper.ids()].every((id) => rig.of(id).target === AWAY)).toBe(true);
    expect(lapses(rig)).toBe(0);
    const scouts = rig.userAgent.calls.filter(({ target }) => target === HOME);
    expect(scouts.length).toBeGreaterThan(0);
    expect(scouts.length).toBeLessThan(4 * 20);
  });

  it('begins anew with each move', () => {
    const { rig, world } = movedAway({ afterMs: 30 * MINUTE_MS });
    world.isHomeDead = false;
    rig.time.run(45 * MINUTE_MS);
    expect(atHome(rig)).toBe(20);
    world.isHomeDead = true;
    rig.time.run(12 * MINUTE_MS);
    expect(atHome(rig)).toBe(0);
    world.isHomeDead = false;
    rig.time.run(15 * MINUTE_MS);
    expect(atHome(rig)).toBe(0);
    rig.time.run(30 * MINUTE_MS);
    expect(atHome(rig)).toBe(20);
  });
});

describe('failback by the TTL of the DNS', () => {
  it('goes home with the first refresh after the answer is over', () => {
    const { rig, world } = movedAway('dnsTtl', 25 * MINUTE_MS);
    world.isHomeDead = false;
    rig.time.run(20 * MINUTE_MS);
    expect(atHome(rig)).toBe(0);
    rig.time.run(16 * MINUTE_MS);
    expect(atHome(rig)).toBe(20);
    expect(lapses(rig)).toBe(0);
  });

  it('stays where the answer is good for ever', () => {
    const { rig, world } = movedAway('dnsTtl');
    world.isHomeDead = false;
    rig.time.run(6 * 60 * MINUTE_MS);
    expect(atHome(rig)).toBe(0);
  });
});
