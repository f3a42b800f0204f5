/** What an operator ordered over the configuration, why, and until when. */
import type { Cause } from '../base/cause.ts';
import { after, type Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import { cause, STANDBY, SWITCHED_OFF } from './causes.ts';
import { type Entry, rareOf } from './entry.ts';
import type { Admin } from './spec.ts';

export interface Order {
  /** `unregister` and `forget` end with the next `register`, the others with `up`. */
  readonly command: Admin | 'unregister' | 'forget';
  /** For people; empty: none was given. */
  readonly reason: string;
  /** When the configuration counts again by itself; undefined: never. */
  readonly until: Instant | undefined;
}

export interface Override extends Order {
  readonly timer: Timer;
}

/** What the order comes to. */
function adminOf({ command }: Order): Admin {
  return command === 'up' || command === 'drain' ? command : 'off';
}

/** It holds from now on; `expired` is called at its end, when it holds no longer. */
export function overrideWith(
  entry: Entry,
  order: Order,
  timers: TimerQueue,
  expired: () => void,
): void {
  endOverride(entry, timers);
  const timer = new Timer(() => {
    endOverride(entry, timers);
    expired();
  });
  if (order.until !== undefined) timers.arm(timer, order.until);
  rareOf(entry).override = { ...order, timer };
}

/** trunkd did not run for that long: the order ends that much sooner. */
export function ageOverride({ rare }: Entry, ms: number, timers: TimerQueue): void {
  const override = rare?.override;
  if (rare === undefined || override?.until === undefined) return;
  const until = after(override.until, -ms);
  timers.arm(override.timer, until);
  rare.override = { ...override, until };
}

export function endOverride({ rare }: Entry, timers: TimerQueue): void {
  const override = rare?.override;
  if (rare === undefined || override === undefined) return;
  timers.disarm(override.timer);
  rare.override = undefined;
}

/** Is it to be registered, all things considered? */
export function wantedAdmin({ spec, rare }: Entry): Admin {
  if (rare?.isStandby === true) return 'off';
  return rare?.override === undefined ? spec.profile.admin : adminOf(rare.override);
}

/** Why it is off. */
export function whyOff({ rare }: Entry): Cause {
  if (rare?.isStandby === true) return STANDBY;
  const { command, reason, until } = rare?.override ?? {};
  if (command === undefined) return SWITCHED_OFF;
  const said = reason === '' ? '' : `: ${reason}`;
  const end = until === undefined ? '' : ', or its time is over';
  const isLight = command === 'unregister' || command === 'forget';
  const how = isLight ? '`register` or `up`' : '`up`';
  if (command === 'forget') {
    const text = `An operator let go of the registration; its binding was left as it is${said}.`;
    return cause('registration.forgotten', 'operator', `Nothing is sent until ${how}${end}.`, text);
  }
  const text = `An operator switched the registration off (${command})${said}.`;
  return cause('registration.off', 'operator', `Nothing is sent until ${how}${end}.`, text);
}
