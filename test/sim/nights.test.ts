/**
 * Nights on call, judged by the registrar's books: one account that the provider silently drops, and a
 * registrar whose antiflood bans whoever sends too fast.
 */
import { describe, expect, it } from 'vitest';
import { forecastBringUp } from '../../src/core/registration/forecast.ts';
import { seeds } from '../support/scale.ts';
import { Antiflood } from '../support/sim/antiflood.ts';
import { REGISTRAR, World } from '../support/sim/world.ts';

const MINUTE_MS = 60_000;
/** The defaults of design.md 3. */
const PACING = { perTarget: 6, burst: 3, max: 6 };
const EXPIRES_SEC = 3600;
/** The margin of a refresh: a tenth of what is granted. */
const MARGIN_MS = 360_000;

describe.each(seeds(1))('one address of record of 400 is silently dropped, seed %i', (seed) => {
  it('the other 399 refresh on time, and its cause says that it is only this one', () => {
    const world = new World(seed, PACING);
    const { registrar, keeper, time } = world;
    world.register(400, EXPIRES_SEC);
    time.run(5 * MINUTE_MS);
    expect(registrar.bindings.size).toBe(400);
    const dropped = 'u123@sim.example';
    registrar.drops.add('u123');
    const late: string[] = [];
    const renewals = new Map<string, number>();
    registrar.onRenewed = (aor, leftMs) => {
      renewals.set(aor, (renewals.get(aor) ?? 0) + 1);
      // Its own pace on the way, and the slot that it got.
      if (leftMs < MARGIN_MS - 5_000) late.push(`${aor} with ${leftMs} ms left`);
    };
    time.run(6 * 60 * MINUTE_MS);
    expect(late).toEqual([]);
    expect(renewals.size).toBe(399);
    expect(Math.min(...renewals.values())).toBeGreaterThanOrEqual(6);
    const row = keeper.snapshot(dropped);
    expect(row).toMatchObject({ state: 'waiting', bound: false, counters: { lapses: 1 } });
    expect(row?.cause).toMatchObject({ code: 'registration.unanswered', blame: 'peer' });
    expect(row?.cause?.text).toContain('only this registration');
    expect(row?.cause?.next).toMatch(/^Tried again; ask the provider/);
    expect((row?.nextAttemptAt ?? 0) - time.now()).toBeLessThanOrEqual(30 * MINUTE_MS);
    // Nobody was told that the target is dead, and nobody waited for a canary.
    const told = world.registrationEvents.flatMap((event) =>
      event.type === 'registration.noticed' ? [event.cause.code] : [],
    );
    expect(told).toEqual([]);
    const changed = world.registrationEvents.flatMap((event) =>
      event.type === 'registration.changed' && event.at > 5 * MINUTE_MS + 1_000_000
        ? [event.spec.id]
        : [],
    );
    expect(new Set(changed)).toEqual(new Set([dropped]));
    registrar.drops.clear();
    time.run(31 * MINUTE_MS);
    expect(keeper.snapshot(dropped)).toMatchObject({ state: 'registered', cause: undefined });
    registrar.close();
    expect(registrar.lapses.map(({ aor }) => aor)).toEqual([`sip:${dropped}`]);
    expect(registrar.violations).toEqual([]);
  });
});

describe.each(seeds(1))("a registrar with Kamailio's stock antiflood, seed %i", (seed) => {
  it('2,000 registrations come up without a ban at the defaults, as long as forecast', () => {
    const world = new World(seed, PACING);
    const { registrar, time } = world;
    const antiflood = new Antiflood(time, registrar);
    world.network.place(REGISTRAR, antiflood);
    world.network.weather.loss = 0.01;
    const specs = world.register(2_000, EXPIRES_SEC);
    const forecast = forecastBringUp(specs, PACING);
    expect(forecast).toMatchObject({ bindings: 2_000, bindingsThere: 2_000, durationSec: 667 });
    // Lost ones are sent again, in the same pace, and a few wait for their retry.
    time.run(667_000);
    expect(registrar.bindings.size).toBeGreaterThan(1_900);
    time.run(2 * MINUTE_MS);
    expect(registrar.bindings.size).toBe(2_000);
    // The first refreshes meet the stragglers.
    time.run(60 * MINUTE_MS);
    expect(antiflood.bans).toBe(0);
    expect(antiflood.most).toBeLessThanOrEqual(16);
    expect(antiflood.most).toBeGreaterThan(8);
    registrar.close();
    expect(registrar.lapses).toEqual([]);
  });

  it('would ban us without the pace', () => {
    const world = new World(seed, { perTarget: 12, burst: 3, max: 12 });
    const antiflood = new Antiflood(world.time, world.registrar);
    world.network.place(REGISTRAR, antiflood);
    world.register(100, EXPIRES_SEC);
    world.time.run(MINUTE_MS);
    expect(antiflood.bans).toBe(1);
    expect(world.registrar.bindings.size).toBeLessThan(20);
  });
});
