/**
 * Why a registration is as it is: every code of this folder with the sentence that docs/errors.md
 * prints for it (codes of faults keep theirs, see FAULT_CODES), and what operators are told.
 */
import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { ExchangeOutcome } from '../sip/user-agent/ports.ts';

export const REGISTRATION_CODES = {
  'auth.credentialsRefused': 'The registrar refused the user name and password.',
  'auth.realmMismatch':
    'The challenge names another realm than the configuration; nothing was sent.',
  'auth.realmChanged': 'The registrar asks for another realm than before; it was answered.',
  'auth.weakerOffer':
    'The server offers only weaker algorithms than it accepted before; it was answered.',
  'auth.downgradeRefused':
    'The server offers only weaker algorithms than it accepted before, and that is forbidden; nothing was sent.',
  'auth.fellBack':
    'The registrar refused the stronger algorithm that it offers, and accepted a weaker one.',
  'auth.wrongProof': 'The proof that the registrar sent of knowing the password is wrong.',
  'auth.unusableChallenge': 'The challenge has no scheme and algorithm that may be used.',
  'auth.challengeLoop': 'The registrar kept asking for another nonce.',
  'auth.credentialPromoted':
    'The registrar refuses the present credentials, and takes those of auth.next; they are used from now on.',
  'auth.noCredentials': 'The registrar asks for credentials, and none are configured.',
  'registrar.refused': 'The registrar forbids this registration (403).',
  'registrar.rejected': 'The registrar cannot accept this registration as it is configured.',
  'registrar.redirected':
    'The registrar points to another server, and that redirection is not followed.',
  'registrar.redirectFollowed':
    'The registrar points to another server of its domain, which is asked.',
  'registrar.noGin': 'The registrar does not register a whole PBX at once (RFC 6140, `mode: gin`).',
  'registrar.unavailable': 'The registrar cannot serve the request now.',
  'registrar.overloaded': 'The registrar asks for less traffic (429 or 503).',
  'registrar.intervalTooBrief': 'The registrar wants a longer expiry, but names no usable one.',
  'registrar.intervalTooLong': 'The registrar wants an expiry of more than a day.',
  'registrar.noOutbound':
    'The registrar does not do outbound (RFC 5626), and `outbound: require` insists.',
  'registrar.sequence': 'The registrar still refuses our CSeq after a new Call-ID.',
  'registration.notBound': 'The registrar said OK, but its answer does not hold our Contact.',
  'registration.unanswered':
    'The target answers others, and leaves this registration without an answer.',
  'registration.expired': 'The binding ran out before it could be refreshed.',
  'registration.stoodStill':
    'The binding ran out while trunkd itself did not run: suspended, stopped, or starved of CPU.',
  'registration.off': 'An operator or the configuration switched the registration off.',
  'registration.paused': 'An operator paused all registrations; bindings are left as they are.',
  'registration.standby': 'A serial registrar waits until those before it fail.',
  'registration.forgotten': 'An operator let go of the registration without removing its binding.',
  'registration.notListed': 'The registrar was asked for its bindings, and did not tell them.',
  'registration.bindingLost':
    'The registrar, asked for its bindings, did not hold ours; it was made again at once.',
  'registration.notRemoved': 'The registrar did not confirm that the binding was removed.',
  'registration.contactRewritten': 'The registrar lists our Contact under another address.',
  'registration.contactAmbiguous':
    'The registrar lists several Contacts, none of them ours; the shortest expiry is used.',
  'registration.otherBindings':
    'The registrar holds bindings of the same account that are not ours; calls may go there.',
  'registration.contactMissing': 'The registrar does not hold all the Contacts that we registered.',
  'registration.shortGrant': 'The registrar grants less than half of the expiry that we ask for.',
  'registration.minExpiresAdopted': 'The registrar wants a longer expiry; it is used from now on.',
  'registration.callIdRenewed': 'The registrar refused our CSeq, so a new Call-ID is used.',
  'registration.withoutOutbound':
    'The first hop cannot do outbound (439); the registration is made without it.',
  'registration.stuck': 'A registration had no next step (a bug of trunkd); it was started again.',
  'registrar.moved': 'The DNS names other targets for the registrar than before.',
  'target.avoided': 'A target failed one registration; for a while others are tried first.',
  'target.dead': 'Nothing answers at the target; one registration at a time tries it.',
  'target.overloaded': 'The target answers 503 to everybody; it is left alone for a while.',
  'target.connectionLost':
    'The connection to the target was lost; what was bound over it is bound again.',
  'target.behindNat': 'The target sees us under another address: the way is kept open.',
  'target.addressMoved':
    'The target sees us under a new address; what was bound over the old one is bound again.',
  'target.addressAlternates':
    'Our address as the target sees it goes to and fro; it is not followed for a while.',
  'target.flowSilent':
    'The target no longer answers keep-alives; what was bound over that way is bound again.',
  'target.recovered': 'The target answers again; registrations follow in turn.',
  'registrar.lockoutGuard':
    'Too many registrations in a row were refused; the rest waits, so that we are not locked out.',
  'registrar.atFault': 'The registrar suddenly refuses registrations that worked today.',
  'registrar.guardLifted': 'The registrar accepts registrations again; those that waited follow.',
} as const;

export type RegistrationCode = keyof typeof REGISTRATION_CODES;

/** A cause of this folder; without text the sentence of the table. */
export function cause(
  code: RegistrationCode,
  blame: Cause['blame'],
  next: string,
  text: string = REGISTRATION_CODES[code],
): Cause {
  return { code, blame, text, next };
}

/** What operators can do about faults of the network and of our own side. */
export function causeOfFault(fault: Fault, target: string): Cause {
  return {
    code: fault.code,
    blame: fault.blame,
    // A name that does not resolve stands in the text already.
    text: fault.text.includes(target) ? fault.text : `${target}: ${fault.text}`,
    next: adviceFor(fault.code),
  };
}

function adviceFor(code: string): string {
  if (code === 'tls.ownCertificate') {
    return 'Tried again slowly; configure certificate and key of the local socket as the provider wants them.';
  }
  if (code.startsWith('tls.')) {
    return 'Tried again slowly; check the certificate of the registrar, its host name in the configuration, and tls.identity.';
  }
  if (code.startsWith('dns.')) return 'Tried again; check the host name and the name servers.';
  if (code === 'proxy.silent') return 'Tried again; check that our own proxy runs.';
  if (code === 'proxy.hopFailed') {
    return 'Tried again; check that the registrar runs and that our proxy can reach it.';
  }
  if (code === 'transport.noSocket') return 'Tried again; configure a local socket of that kind.';
  if (code === 'transport.local') return 'Tried again; check address and routes of this host.';
  return 'Tried again; check that the registrar runs and that the network lets us through.';
}

export const SWITCHED_OFF: Cause = cause(
  'registration.off',
  'config',
  'Nothing is sent until it is switched on again.',
);

export const STANDBY: Cause = cause(
  'registration.standby',
  'config',
  'Registers as soon as every registrar before it fails.',
);

export const STUCK: Cause = cause(
  'registration.stuck',
  'local',
  'Started again; please report it, with the log of the last minutes.',
);

export const RAN_OUT: Cause = cause(
  'registration.expired',
  'peer',
  'Tried again; calls from the provider do not reach us until it succeeds.',
);

export const STOOD_STILL: Cause = cause(
  'registration.stoodStill',
  'local',
  'Registered again, those first whose bindings ended first; let nothing stop or suspend trunkd.',
);

const FOLLOW = 'Those that waited follow in turn; nothing to do.';

export function targetDead(target: string, witnesses: number): Cause {
  const text = `${target} left ${witnesses} registrations in a row without any answer.`;
  const next =
    'One registration at a time tries it every 2 to 30 s; when it answers, the others follow. Check that it runs and that the network lets us through.';
  return cause('target.dead', 'peer', next, text);
}

/** `count` registrations share that lot. */
export function leftUnanswered(target: string, count: number): Cause {
  const who =
    count === 1
      ? 'only this registration is concerned'
      : `this is one of ${count} registrations concerned`;
  const text = `${target} gave no answer in time, and answers others: ${who}.`;
  const next =
    'Tried again; ask the provider what is different about this account: it may be blocked there.';
  return cause('registration.unanswered', 'peer', next, text);
}

/** Undefined where the registrar confirmed the removal. */
export function notRemoved(target: string, outcome: ExchangeOutcome): Cause | undefined {
  if (outcome.kind === 'response' && outcome.status < 300) return undefined;
  const answer = outcome.kind === 'response' ? `answered ${outcome.status}` : outcome.fault.text;
  const text = `${target} did not confirm the removal: ${answer}`;
  return cause('registration.notRemoved', 'peer', 'The binding runs out by itself.', text);
}

export function targetAvoided(target: string, next: string, outcome: ExchangeOutcome): Cause {
  const why = outcome.kind === 'response' ? `it answered ${outcome.status}` : outcome.fault.text;
  const text = `${target} failed: ${why.replace(/\.$/, '')}; ${next} is tried in its place.`;
  const advice =
    'For 30 s, doubling up to 10 min, or as long as it asked for, registrations without a binding there try others first; nothing to do unless it lasts.';
  return cause('target.avoided', 'peer', advice, text);
}

export function registrarMoved(
  registrar: string,
  came: readonly string[],
  gone: readonly string[],
): Cause {
  const text = `The DNS names other targets for ${registrar}: new ${listed(came)}, gone ${listed(gone)}.`;
  const next =
    'New targets are used from the next refresh on; where a binding lives at one that is gone, it is refreshed there for 5 more minutes.';
  return cause('registrar.moved', 'peer', next, text);
}

const MOST_LISTED = 4;

function listed(keys: readonly string[]): string {
  if (keys.length === 0) return 'none';
  const rest = keys.length - MOST_LISTED;
  return keys.slice(0, MOST_LISTED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

export function targetBusy(target: string, witnesses: number): Cause {
  const text = `${target} answered 503 to ${witnesses} registrations in a row.`;
  const next = 'Left alone for a while, then tried by one registration; the others follow it.';
  return cause('target.overloaded', 'peer', next, text);
}

export function credentialPromoted(target: string): Cause {
  const text = `${target} refuses the present credentials, and takes those of auth.next.`;
  const next = 'Those are used from now on; write them in place of the present ones.';
  return cause('auth.credentialPromoted', 'nobody', next, text);
}

export function realmChanged(registrar: string, from: string, to: string): Cause {
  const text = `${registrar} asks for realm "${to}" now, and asked for "${from}" before.`;
  const next = 'Answered all the same; set auth.realm where credentials must serve one realm only.';
  return cause('auth.realmChanged', 'peer', next, text);
}

export function weakerOffer(registrar: string, offered: string, proven: string): Cause {
  const text = `${registrar} offers ${offered} now, and accepted ${proven} before.`;
  const next =
    'Answered all the same; ask the provider whether that is meant to be, and set pinAlgorithm to refuse it.';
  return cause('auth.weakerOffer', 'peer', next, text);
}

export function fellBack(registrar: string, from: string, to: string): Cause {
  const text = `${registrar} offers ${from}, refuses it, and accepts ${to} for the same password.`;
  const next = `${to} is used from now on; set algorithms to [${to}] to save the refused request, or leave ${to} out of it to forbid this.`;
  return cause('auth.fellBack', 'peer', next, text);
}

export function wrongProof(registrar: string, realm: string): Cause {
  const text = `${registrar} accepted the request, but its proof (rspauth) for realm "${realm}" is not what the password gives.`;
  const next =
    'The binding counts all the same; many registrars compute it wrongly. Ask the provider, or use TLS, which proves who answers.';
  return cause('auth.wrongProof', 'peer', next, text);
}

export function redirectFollowed(target: string, requestUri: string): Cause {
  const text = `${target} points to ${requestUri}, within the same domain.`;
  return cause('registrar.redirectFollowed', 'nobody', 'Asked at once; nothing to do.', text);
}

export function connectionLost(target: string, bindings: number, reason: Fault): Cause {
  const text = `The connection to ${target} was lost, over which ${bindings} registrations were made. ${reason.text}`;
  const next = 'They are made again over a new one, spread over some seconds; nothing to do.';
  return cause('target.connectionLost', reason.blame, next, text);
}

export function proxyConnectionLost(target: string, bindings: number, isRestarted: boolean): Cause {
  const what = isRestarted ? 'Our own proxy was restarted' : 'Our own proxy lost its connection';
  const text = `${what}: ${bindings} registrations were made over a connection of it (${target}).`;
  const next = 'They are made again in turn, who runs out first goes first; nothing to do.';
  return cause('target.connectionLost', 'peer', next, text);
}

export function behindNat(target: string, local: string, seen: string): Cause {
  const text = `${target} sees us as ${seen}, and we are ${local}: there is a NAT on the way.`;
  const next = 'The way is kept open; nothing to do unless `keepAlive: off` forbids it.';
  return cause('target.behindNat', 'nobody', next, text);
}

export function addressMoved(
  target: string,
  before: string,
  seen: string,
  bindings: number,
): Cause {
  const text = `${target} sees us as ${seen} now, and saw us as ${before} before; ${bindings} registrations were made there.`;
  const next = 'They are made again, in the pace of the target; nothing to do.';
  return cause('target.addressMoved', 'network', next, text);
}

export function addressAlternates(target: string, before: string, seen: string): Cause {
  const text = `${target} sees us now as ${seen}, now as ${before}.`;
  const next =
    'Not followed for 10 minutes; ask who has several addresses: our NAT, or the provider.';
  return cause('target.addressAlternates', 'network', next, text);
}

export function flowSilent(target: string, bindings: number): Cause {
  const text = `${target} no longer answers keep-alives (STUN); ${bindings} registrations were made there.`;
  const next = 'They are made again, in the pace of the target, which tells whether it lives.';
  return cause('target.flowSilent', 'peer', next, text);
}

export function targetRecovered(target: string, waiting: number): Cause {
  const text = `${target} answers again; ${waiting} registrations wait for their turn.`;
  return cause('target.recovered', 'nobody', FOLLOW, text);
}

export function registrarAtFault(registrar: string, least: number): Cause {
  const text = `${registrar} refused ${least} registrations within a minute that worked today: the registrar is at fault, not the accounts.`;
  const next =
    'One registration tries every 3 minutes; when it succeeds, all follow. Ask the provider.';
  return cause('registrar.atFault', 'peer', next, text);
}

export function lockoutThreatens(registrar: string, refused: number): Cause {
  const text = `${registrar} refused ${refused} registrations in a row, and accepted none for a minute.`;
  const next =
    'Those without a binding wait, and one at a time tries (60 s, 5 min, then every 30 min); a success frees all. Check user names and passwords.';
  return cause('registrar.lockoutGuard', 'config', next, text);
}

export function guardLifted(registrar: string): Cause {
  const text = `${registrar} accepts registrations again.`;
  return cause('registrar.guardLifted', 'nobody', FOLLOW, text);
}
