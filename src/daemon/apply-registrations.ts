/**
 * Carries the differences of a reload over to the keeper. Whatever leaves goes first, so that an id, a
 * DDI or a Contact that moves is free. A binding that lives on under another id is not removed: the
 * removal could reach the registrar after the new REGISTER, and both name the same Contact.
 */
import type { SpecDiff } from '../config/diff.ts';
import { addressOfRecord } from '../config/unique.ts';
import type { RegistrationKeeper } from '../core/registration/keeper.ts';
import type { RegistrationProfile, RegistrationSpec } from '../core/registration/spec.ts';
import { inSlices } from './slices.ts';

export async function applyRegistrations(
  keeper: RegistrationKeeper,
  { added, removed, changed, renamed }: SpecDiff['registrations'],
): Promise<void> {
  const isOther = (one: (typeof changed)[number]) =>
    addressOfRecord(one.before) !== addressOfRecord(one.after);
  const moved = changed.filter(isOther);
  const newcomers = [...added, ...renamed.map(newOne), ...moved.map(newOne)];
  const bindings = new Set(newcomers.map(bindingOf));
  const leave = (before: RegistrationSpec): void => {
    if (bindings.has(bindingOf(before))) {
      keeper.change({ ...before, profile: leftAlone(before.profile) });
    }
    keeper.remove(before.id);
  };
  const livesOn = moved.filter(({ before }) => bindings.has(bindingOf(before)));
  const gone = new Set(livesOn.map(({ before }) => before.id));
  await inSlices([...removed, ...renamed.map(oldOne), ...livesOn.map(oldOne)], leave);
  await inSlices(changed, ({ before, after }) => {
    if (!gone.has(before.id)) keeper.change(after);
  });
  await inSlices([...livesOn.map(newOne), ...renamed.map(newOne), ...added], (one) =>
    keeper.add(one),
  );
}

type Pair = SpecDiff['registrations']['changed'][number];

function oldOne({ before }: Pair): RegistrationSpec {
  return before;
}

function newOne({ after }: Pair): RegistrationSpec {
  return after;
}

/** Its bindings stay at the registrars when it goes. */
function leftAlone(profile: RegistrationProfile): RegistrationProfile {
  const { legs } = profile;
  const kept: RegistrationProfile = { ...profile, onRemove: 'keep' };
  return legs === undefined
    ? kept
    : { ...kept, legs: { ...legs, profiles: legs.profiles.map(leftAlone) } };
}

/** What the registrar knows a binding by: the address of record and the Contact. */
function bindingOf(spec: RegistrationSpec): string {
  const { contact, hop, localSocket } = spec.profile;
  const place =
    contact.kind === 'address' ? contact.hostPort : `${contact.kind} ${localSocket ?? ''}`;
  return `${addressOfRecord(spec)} ${spec.ddi} ${place} ${hop.protocol ?? ''} ${hop.host} ${hop.port ?? ''} ${hop.via ?? ''}`;
}
