/**
 * The OPTIONS request of one way to one target (RFC 3261 section 11.1; conformance Q02): what never
 * changes is rendered once; each probe has a Call-ID and From tag of its own, so that no server takes
 * it for a dialog or a copy.
 */
import type { Random } from '../base/random.ts';
import type { DigestPolicy } from '../sip/digest/algorithm.ts';
import type { Credentials } from '../sip/digest/ports.ts';
import type { DigestSession } from '../sip/digest/session.ts';
import { type Target, targetKey } from '../sip/locate/target.ts';
import type { Flow, TlsPolicy } from '../sip/transport/ports.ts';
import { tlsPolicyKey } from '../sip/transport/tls-policy.ts';
import type { RequestTemplate, SourceCheck } from '../sip/user-agent/ports.ts';
import { policyKey } from './answer-policy.ts';
import type { RegisteredWay } from './requirements.ts';
import type { PeerServerSpec, ProbeLook, ProbePlan } from './spec.ts';

/** All that makes one probe different from another: peer servers with equal ways share their probes. */
export interface ProbeWay {
  readonly target: Target;
  /** Host[:port] of the Request-URI. */
  readonly sipProxy: string;
  readonly scheme: 'sip' | 'sips';
  readonly route: readonly string[] | undefined;
  /** Host[:port] of the Contact; undefined: our own socket's. */
  readonly contact: string | undefined;
  readonly localSocket: string | undefined;
  readonly tls: TlsPolicy;
  readonly sourceCheck: SourceCheck;
  readonly userAgent: string;
  readonly plan: ProbePlan;
  /** Challenges are answered with them, by that policy; undefined: they are answers like any other. */
  readonly credentials: Credentials | undefined;
  readonly digest: DigestPolicy;
}

const TAG_DIGITS = 12;
const TOKEN_DIGITS = 32;

/** The way of a peer server's probes to one of its targets. */
export function probeWay(
  spec: PeerServerSpec,
  target: Target,
  registered?: RegisteredWay,
): ProbeWay {
  const { sipProxy, scheme, contact, sourceCheck, userAgent } = spec;
  const { localSocket, tls } = registered ?? spec;
  const serviceRoute = registered?.route ?? [];
  const route = serviceRoute.length > 0 ? serviceRoute : spec.route;
  const way = { target, sipProxy, scheme, route, contact, localSocket, tls, sourceCheck };
  const { credentials, digest } = spec;
  return { ...way, userAgent, plan: spec.probe, credentials, digest };
}

/** Equal for equal ways, but for their credentials, which stand in no text. */
export function wayKey(way: ProbeWay): string {
  const { plan, tls, target, route, contact } = way;
  const passed = [...(route ?? []), contact ?? ''].join(' ');
  const trust = target.protocol === 'tls' ? tlsPolicyKey(tls) : '';
  const counts = `${plan.intervalMs},${plan.timeoutMs},${plan.fall},${plan.rise}${unusual(plan)}`;
  return `${targetKey(target)} ${way.scheme}:${way.sipProxy} ${way.localSocket ?? ''} ${way.sourceCheck} ${trust} ${counts} ${way.userAgent}${passed}`;
}

/** What of a plan is not as with most, as a text; empty for most. */
function unusual(plan: ProbePlan): string {
  const { recheckMs, answers, impairedAboveMs, look, mode } = plan;
  const judged = answers && policyKey(answers);
  const parts = [recheckMs, judged, impairedAboveMs, ...Object.values(look ?? {})];
  const text = mode === 'options' ? parts : [...parts, mode];
  return text.every((part) => part === undefined) ? '' : JSON.stringify(text);
}

/** Renders the probes of one way. */
export class OptionsProbe {
  readonly #requestUri: string;
  readonly #beforeTag: string;
  readonly #afterTag: string;
  readonly #beforeContact: string;
  readonly #afterContact: string;
  readonly #contact: string | undefined;

  constructor({ sipProxy, scheme, target, userAgent, contact, plan }: ProbeWay) {
    const { maxForwards, user, fromUser, fromDomain, headers } = plan.look ?? USUAL;
    this.#contact = contact;
    this.#requestUri = `${scheme}:${at(user)}${sipProxy}`;
    // RFC 3261 section 19.1.1, table 1: no port in From and To.
    const host = withoutPort(sipProxy);
    const from = `<${scheme}:${at(fromUser)}${fromDomain === '' ? host : fromDomain}>`;
    this.#beforeTag = `Max-Forwards: ${maxForwards}\r\nFrom: ${from};tag=`;
    this.#afterTag = `\r\nTo: <${scheme}:${at(user)}${host}>\r\nCall-ID: `;
    const transport = scheme === 'sips' || target.protocol === 'udp' ? '' : target.protocol;
    this.#beforeContact = `Contact: <${scheme}:`;
    this.#afterContact = `${transport === '' ? '' : `;transport=${transport}`}>\r\nAccept: application/sdp\r\nUser-Agent: ${userAgent}\r\n${headers}`;
  }

  /** One more probe. */
  next(random: Random): RequestTemplate {
    const token = random.hex(TOKEN_DIGITS);
    const fromTag = token.slice(0, TAG_DIGITS);
    const callId = token.slice(TAG_DIGITS);
    return {
      method: 'OPTIONS',
      requestUri: this.#requestUri,
      callId,
      fromTag,
      head: `${this.#beforeTag}${fromTag}${this.#afterTag}${callId}\r\n`,
    };
  }

  /** The header lines that depend on the flow. */
  tail(flow: Flow): string {
    return this.#beforeContact + (this.#contact ?? flow.contactHost) + this.#afterContact;
  }
}

const USUAL: ProbeLook = { maxForwards: 70, user: '', fromUser: '', fromDomain: '', headers: '' };

function at(user: string): string {
  return user === '' ? '' : `${user}@`;
}

/** `[2001:db8::1]:5060` and `sip.acme.example:5060` without their ports. */
function withoutPort(hostPort: string): string {
  const colon = hostPort.lastIndexOf(':');
  return colon > hostPort.lastIndexOf(']') ? hostPort.slice(0, colon) : hostPort;
}

const FIRST_CSEQ = (): number => 1;

/**
 * Where the CSeq of a probe comes from: each has a Call-ID of its own, so that it may always be the first,
 * unless a challenge is answered.
 */
export function cseqOf(session: DigestSession | undefined): () => number {
  return session === undefined ? FIRST_CSEQ : risingFrom(1);
}

function risingFrom(first: number): () => number {
  let next = first;
  return () => {
    next += 1;
    return next - 1;
  };
}
