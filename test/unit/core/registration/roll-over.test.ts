/** `auth.next`: a password is changed while nobody looks. Judged by a registrar that verifies digests. */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/base/secret.ts';
import type { RegistrationSpec } from '../../../../src/core/registration/spec.ts';
import type { Credentials } from '../../../../src/core/sip/digest/ports.ts';
import { World } from '../../../support/sim/world.ts';

const MINUTE_MS = 60_000;
const PACING = { perTarget: 50, burst: 10, max: 50 };

function withPassword(text: string): Credentials {
  return { username: 'u0', password: new Secret(text), ha1: undefined, realm: undefined };
}

/** One registration with a password, and those that follow. */
function setUp(present: string, next: string | undefined) {
  const users = new Map([['u0', 'old']]);
  const world = new World(1, PACING, { users, maxExpiresSec: 600 });
  const [spec] = world.register(1, 600) as [RegistrationSpec];
  const change = (first: string, second: string | undefined): void => {
    const more = second === undefined ? {} : { next: withPassword(second) };
    world.keeper.change({ ...spec, credentials: { ...withPassword(first), ...more } });
  };
  change(present, next);
  world.time.run(MINUTE_MS);
  const told = (): readonly string[] =>
    world.registrationEvents.flatMap((event) =>
      event.type === 'registration.noticed' ? [event.cause.code] : [],
    );
  const states = (): readonly string[] =>
    world.registrationEvents.flatMap((event) =>
      event.type === 'registration.changed' ? [event.state] : [],
    );
  return { world, users, change, told, states, row: () => world.keeper.snapshot(spec.id) };
}

describe('credentials that follow', () => {
  it('are not touched while the present ones are taken', () => {
    const { world, told, row } = setUp('old', 'new');
    world.time.run(60 * MINUTE_MS);
    expect(row()?.state).toBe('registered');
    expect([told(), world.registrar.violations]).toEqual([[], []]);
  });

  it('are used at once where the present ones are refused, and told of once', () => {
    const { world, users, told, states, row } = setUp('old', 'new');
    users.set('u0', 'new');
    world.time.run(60 * MINUTE_MS);
    expect(row()).toMatchObject({ state: 'registered', bound: true, counters: { lapses: 0 } });
    expect(told()).toEqual(['auth.credentialPromoted']);
    expect(states()).not.toContain('rejected');
    world.registrar.close();
    expect(world.registrar.lapses).toEqual([]);
    // With a nonce that was kept, and twice with a fresh one; never again after that.
    expect(world.registrar.violations.length).toBeLessThanOrEqual(3);
    const wrong = world.registrar.violations.length;
    world.time.run(24 * 60 * MINUTE_MS);
    expect(world.registrar.violations).toHaveLength(wrong);
    expect(told()).toHaveLength(1);
  });

  it('give way to the first ones where the change was taken back', () => {
    const { world, users, told, states, row } = setUp('old', 'new');
    users.set('u0', 'new');
    world.time.run(20 * MINUTE_MS);
    users.set('u0', 'old');
    world.time.run(20 * MINUTE_MS);
    expect(row()?.state).toBe('registered');
    expect(states()).not.toContain('rejected');
    users.set('u0', 'new');
    world.time.run(20 * MINUTE_MS);
    expect(told()).toEqual(['auth.credentialPromoted', 'auth.credentialPromoted']);
  });

  it('that are wrong, too, cost one more try in each cycle, and no more', () => {
    const { world, users, row } = setUp('old', 'new');
    users.set('u0', 'a third');
    world.time.run(10 * MINUTE_MS);
    expect(row()).toMatchObject({ state: 'rejected', cause: { code: 'auth.credentialsRefused' } });
    const before = world.registrar.violations.length;
    world.time.run(120 * MINUTE_MS);
    // Every 30 minutes two passwords, each at most with two nonces.
    expect(world.registrar.violations.length - before).toBeLessThanOrEqual(4 * 4);
    users.set('u0', 'old');
    world.time.run(35 * MINUTE_MS);
    expect(row()?.state).toBe('registered');
  });

  it('are tried at once by one that is refused, when a reload brings them', () => {
    const { world, users, change, row } = setUp('old', undefined);
    users.set('u0', 'new');
    world.time.run(60 * MINUTE_MS);
    expect(row()?.state).toBe('rejected');
    change('old', 'new');
    world.time.run(5_000);
    expect(row()?.state).toBe('registered');
  });

  it('that come or go leave one alone that is bound', () => {
    const { world, users, change, row } = setUp('old', undefined);
    const planned = row()?.nextAttemptAt;
    change('old', 'new');
    world.time.run(1_000);
    expect(row()?.nextAttemptAt).toBe(planned);
    users.set('u0', 'new');
    world.time.run(20 * MINUTE_MS);
    expect(row()?.state).toBe('registered');
    // They become the present ones: proved with at once.
    const arrived = world.registrar.arrivalsMs.length;
    change('new', undefined);
    world.time.run(1_000);
    expect(world.registrar.arrivalsMs.length).toBeGreaterThan(arrived);
    expect(row()?.state).toBe('registered');
  });
});
