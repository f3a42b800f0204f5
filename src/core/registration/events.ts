import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import type { PauseOrder } from './pause.ts';
import type { RegistrationSpec } from './spec.ts';

export type RegistrationState =
  | 'idle'
  | 'registering'
  | 'registered'
  /** A refresh failed, and the binding is still valid. */
  | 'refreshFailing'
  /** Not bound; the next attempt has a time. */
  | 'waiting'
  /** The registrar refuses us; tried again slowly. */
  | 'rejected'
  | 'unregistering'
  | 'off';

export type RegistrationEvent =
  | {
      readonly type: 'registration.changed';
      readonly at: Instant;
      readonly spec: RegistrationSpec;
      readonly from: RegistrationState;
      readonly state: RegistrationState;
      readonly bound: boolean;
      /** A binding that we wanted ended, and not for want of a proxy of our own. */
      readonly isLapse: boolean;
      readonly cause: Cause | undefined;
      readonly nextAttemptAt: Instant | undefined;
    }
  /** One of several bindings of a registration changed; `registration.changed` tells of them together. */
  | {
      readonly type: 'registration.legChanged';
      readonly at: Instant;
      /** Of the registration. */
      readonly spec: RegistrationSpec;
      /** Id of the leg. */
      readonly leg: string;
      readonly from: RegistrationState;
      readonly state: RegistrationState;
      readonly bound: boolean;
      readonly target: string | undefined;
      readonly cause: Cause | undefined;
      readonly nextAttemptAt: Instant | undefined;
    }
  /** The spec is no longer in the configuration, and its binding is dealt with. */
  | {
      readonly type: 'registration.removed';
      readonly at: Instant;
      readonly spec: RegistrationSpec;
      readonly cause: Cause | undefined;
    }
  /** One final answer (or none) to a REGISTER; for counters. `code` is `timeout` or `fault` without one. */
  | {
      readonly type: 'registration.answered';
      readonly at: Instant;
      readonly contract: string;
      readonly code: number | 'timeout' | 'fault';
      readonly requests: number;
      /** targetKey of where it was sent last; undefined: its registrar has no address. */
      readonly target: string | undefined;
      /** Why there is no answer. */
      readonly fault: Fault | undefined;
    }
  /** An operator has all rest, or (`order` undefined) go on; by order, or because the time of the pause is over. */
  | {
      readonly type: 'registrations.paused';
      readonly at: Instant;
      readonly order: PauseOrder | undefined;
    }
  /** Something an operator should know, which changes no state: realm changed, short grant, target dead, lock-out guard ... */
  | {
      readonly type: 'registration.noticed';
      readonly at: Instant;
      readonly contract: string;
      readonly registration: string | undefined;
      readonly cause: Cause;
    };
