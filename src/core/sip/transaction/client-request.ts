/**
 * A request on its way, and how its answers are told from forged or strayed ones: RFC 3261 section
 * 17.1.3, hardened. Pure.
 */
import { parseCseq } from '../header/cseq.ts';
import { tagOf } from '../header/name-addr.ts';
import type { topVia } from '../header/via.ts';
import { COLON, parseDigits } from '../message/characters.ts';
import type { SipMessage } from '../message/message.ts';
import type { Flow } from '../transport/ports.ts';
import type { SourceCheck } from '../user-agent/ports.ts';

/** What the layer has to know of a request to send it and to recognise its answers. */
export interface ClientRequest {
  readonly wire: string;
  readonly branch: string;
  readonly method: string;
  readonly callId: string;
  readonly fromTag: string;
  readonly cseq: number;
  readonly flow: Flow;
  /** Key of the target for the pacer: resends count as requests too. */
  readonly target: string;
  readonly sourceCheck: SourceCheck;
  readonly alternatives: readonly string[];
  readonly timeoutMs: number;
  /** The time limit once a provisional answer came, if it is longer. */
  readonly patienceMs: number;
}

/** Why a response was not taken; the label of a counter. */
export type Mismatch =
  | 'via'
  | 'noTransaction'
  | 'cseq'
  | 'callId'
  | 'fromTag'
  | 'sentBy'
  | 'source';

/**
 * Everything that an off-path forger would have to guess, and RFC 3261 lets us check: the CSeq, the
 * Call-ID, our tag, our own sent-by, and by `sourceCheck` the address that answers.
 */
export function mismatchOf(
  response: SipMessage,
  via: NonNullable<ReturnType<typeof topVia>>,
  request: ClientRequest,
  flow: Flow,
): Mismatch | undefined {
  const cseq = parseCseq(response.first('CSeq') ?? '');
  if (cseq?.method !== request.method || cseq.number !== request.cseq) return 'cseq';
  if (response.first('Call-ID') !== request.callId) return 'callId';
  if (tagOf(response.first('From') ?? '') !== request.fromTag) return 'fromTag';
  if (!isOurSentBy(via, request.flow.sentBy)) return 'sentBy';
  return isFromTarget(request, flow) ? undefined : 'source';
}

function isOurSentBy(
  via: { readonly host: string; readonly port: number | undefined },
  sentBy: string,
): boolean {
  if (isEchoed(via, sentBy)) return true;
  const host = via.host.includes(':') && !via.host.startsWith('[') ? `[${via.host}]` : via.host;
  const wanted = sentBy.toLowerCase();
  const got = host.toLowerCase();
  if (via.port === undefined)
    return got === wanted || wanted === `${got}:5060` || wanted === `${got}:5061`;
  return (
    `${got}:${via.port}` === wanted || (got === wanted && (via.port === 5060 || via.port === 5061))
  );
}

/** Nearly always it comes back as it was sent; nothing has to be made anew then. */
function isEchoed(
  { host, port }: { readonly host: string; readonly port: number | undefined },
  sentBy: string,
): boolean {
  const colon = host.length;
  return (
    port !== undefined &&
    sentBy.charCodeAt(colon) === COLON &&
    sentBy.startsWith(host) &&
    parseDigits(sentBy, colon + 1, sentBy.length, port) === port
  );
}

function isFromTarget(request: ClientRequest, flow: Flow): boolean {
  if (flow === request.flow) return true;
  // On a stream the connection itself says who answers; another connection is another peer's.
  if (request.flow.protocol !== 'udp') return request.sourceCheck === 'off';
  const { remote } = request.flow;
  switch (request.sourceCheck) {
    case 'off':
      return true;
    case 'strict':
      return isSameRemote(flow.remote, remote);
    case 'host':
      return flow.remote.address === remote.address;
    default:
      return (
        flow.remote.address === remote.address || request.alternatives.includes(flow.remote.address)
      );
  }
}

/** True when both name the same address and port. */
export function isSameRemote(
  a: { readonly address: string; readonly port: number },
  b: { readonly address: string; readonly port: number },
): boolean {
  return a.port === b.port && a.address === b.address;
}
