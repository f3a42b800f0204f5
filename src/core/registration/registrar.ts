/** What all registrations with one registrar share, by the hop where their requests are sent. */
import type { NextHop } from '../sip/locate/target.ts';
import type { LockoutGuard } from './lockout-guard.ts';
import { RefreshSlots } from './refresh-slots.ts';

/** With fewer registrations the overall slots alone spread them well enough. */
const OWN_SLOTS_FROM = 100;

export interface Registrar {
  readonly key: string;
  readonly hop: NextHop;
  readonly guard: LockoutGuard;
  /** Registrations with it. */
  population: number;
  slots: RefreshSlots | undefined;
}

/** One text for each hop, for maps and for people. */
export function hopKey({ host, port, protocol, secure }: NextHop): string {
  return `${secure ? 'sips' : 'sip'}:${host}:${port ?? ''};${protocol ?? ''}`;
}

export function joinRegistrar(registrar: Registrar): void {
  registrar.population += 1;
  if (registrar.population >= OWN_SLOTS_FROM) registrar.slots ??= new RefreshSlots();
}
