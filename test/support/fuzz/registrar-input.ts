/**
 * Registrations at a registrar that says anything: any status, every field that we look into mutated, silence,
 * transport errors. Whatever it says, each registration has a next step, `bound` is what it says, the CSeq rises, one
 * request is open at a time, nobody storms, and once the registrar behaves everybody is bound.
 */
import type { RegistrationProfile } from '../../../src/core/registration/spec.ts';
import { Rig } from '../registration/rig.ts';
import { type Call, granted, type Reply } from '../registration/scripted-user-agent.ts';
import { type Draw, hold, holdSame } from './draw.ts';
import { mutated } from './mutate.ts';
import { ANSWER_LINES } from './seeds.ts';

const HOUR_MS = 3_600_000;
const ROUNDS = 6;
const LONGEST_ROUND_MS = 300_000;
/** What both may send in all rounds: a grant of a second is refreshed twice as often. */
const MOST_REQUESTS = (2 * 3 * ROUNDS * LONGEST_ROUND_MS) / 1_000;

const STATUS = [
  200, 200, 200, 200, 302, 301, 305, 400, 401, 403, 404, 408, 420, 421, 423, 430, 439, 480,
] as const;
const MORE = [
  481, 486, 494, 500, 501, 503, 503, 504, 513, 600, 603, 299, 399, 499, 599, 699,
] as const;
const LINES = [
  ...ANSWER_LINES,
  'Contact: *',
  'Contact: <sip:du0@203.0.113.10:5060>;expires=7;+sip.instance="<urn:uuid:0>";reg-id=1',
  'Contact: <sip:du0@203.0.113.10>;expires=4294967295, <sip:x@y>;expires=1',
  'P-Associated-URI: <sip:a@b>, <tel:+34911>',
  'Unsupported: outbound, path',
  'Contact: <sip:r1.acme.example>;q=0.9, <sips:r2.acme.example>, <sip:evil.example>',
  'Date: Sat, 13 Nov 2010 23:29:00 GMT',
] as const;
const PROFILES: readonly Partial<RegistrationProfile>[] = [
  {},
  { expiresSec: 10 },
  { expiresSec: 3_600, outbound: 'require' },
  { contact: { kind: 'learned' } },
  { onForeign: 'removeOwnStale', auditMs: 300_000 },
  { redirects: { registrarHost: 'reg.acme.example', keepsHop: false } },
];

export function runRegistrar(draw: Draw): string {
  const rig = new Rig({ seed: draw.below(2 ** 31) });
  rig.add(2, draw.pick(PROFILES));
  rig.userAgent.script = (call) => anyReply(call, draw);
  let bound = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    rig.time.run(draw.pick([100, 5_000, 60_000, LONGEST_ROUND_MS]));
    bound += isSound(rig);
  }
  hold(rig.userAgent.count < MOST_REQUESTS, 'no storm of requests');
  holdSame(rig.userAgent.violations.join('; '), '', 'what a registrar may expect');
  rig.userAgent.script = wellTreated;
  rig.time.run(2 * HOUR_MS);
  for (const id of rig.keeper.ids()) hold(rig.of(id).bound, 'who is well treated is bound');
  return bound > 0 ? 'was bound' : 'was not bound';
}

function wellTreated(call: Call): Reply {
  const contact = `Contact: <${call.contact}>;expires=${Math.max(3_600, call.expiresSec)}`;
  const lines = call.regId === undefined ? [contact] : [contact, 'Require: outbound'];
  return { status: 200, lines };
}

function anyReply(call: Call, draw: Draw): Reply {
  switch (draw.below(12)) {
    case 0:
      return 'silence';
    case 1:
      return { fault: draw.pick(['transport.refused', 'transport.closed', 'transport.local']) };
    case 2:
      return { status: 401, refusal: { kind: 'credentials', realm: 'r' }, requests: 2 };
    case 3:
      return granted(call, draw.pick([0, 1, 5, 60, 3_600]));
    default: {
      const own = `Contact: <${call.contact}>;expires=${draw.pick([0, 1, 30, 600])}`;
      const lines = Array.from({ length: draw.below(4) }, () => oneLine(draw.pick(LINES), draw));
      const all = draw.isOneIn(2) ? lines : [oneLine(own, draw), ...lines];
      const seenAs = draw.isOneIn(4)
        ? `203.0.113.${draw.below(256)}:${draw.below(65_536)}`
        : undefined;
      return {
        ...{ status: draw.pick(draw.isOneIn(2) ? STATUS : MORE), lines: all },
        ...{ delayMs: draw.pick([1, 20, 3_000]), ...(seenAs === undefined ? {} : { seenAs }) },
      };
    }
  }
}

/** The name stays, so that it is looked into; the value may be anything that a line can hold. */
function oneLine(line: string, draw: Draw): string {
  if (draw.isOneIn(3)) return line;
  const colon = line.indexOf(':');
  const value = mutated(line.slice(colon + 1), draw).replace(/[\r\n\0]/g, ' ');
  return `${line.slice(0, colon)}: ${value.slice(0, 4_000)}`;
}

/** How many are bound. */
function isSound(rig: Rig): number {
  const now = rig.time.now();
  let count = 0;
  for (const id of rig.keeper.ids()) {
    const { state, bound, nextAttemptAt, expiresAt } = rig.of(id);
    hold(nextAttemptAt !== undefined, `${state} has a next step`);
    hold(bound || nextAttemptAt - now <= HOUR_MS, `${state} is tried again within the hour`);
    holdSame(bound, expiresAt !== undefined && expiresAt > now, `bound while ${state}`);
    if (bound) count += 1;
  }
  holdSame(rig.keeper.stuck, 0, 'registrations that are stuck');
  return count;
}
