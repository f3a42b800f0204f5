/** The events of the whole core, joined: what the daemon's one hub carries to every observer. */
import type { HealthEvent } from '../core/health/events.ts';
import type { RegistrationEvent } from '../core/registration/events.ts';
import type { ProxyEvent } from '../core/sip/proxy/events.ts';
import type { SipEvent } from '../core/sip/user-agent/stack.ts';

export type CoreEvent = RegistrationEvent | HealthEvent | SipEvent | ProxyEvent;
