/**
 * The branch that a stateless proxy puts into its Via: RFC 3261 section 16.11. It is made of what the request
 * brings, so that retransmissions, the CANCEL and the ACK for a failure get the branch of their INVITE.
 * In it stands where the response goes back to, and a digest by which a request that comes back unchanged
 * is known (section 16.3, item 4, and 16.6, item 8).
 */
import { parseCseq } from '../header/cseq.ts';
import { tagOf } from '../header/name-addr.ts';
import { parseVia, topVia, viaValues } from '../header/via.ts';
import type { SipMessage } from '../message/message.ts';
import { type FlowRef, type FlowTokens, readRef, refText } from './flow-token.ts';
import type { Hmac } from './hmac.ts';

const COOKIE = 'z9hG4bK';
const MARK = `${COOKIE}-tr.`;
const DIGITS = 16;

export class Branches {
  readonly #hmac: Hmac;
  readonly #tokens: FlowTokens;

  constructor(hmac: Hmac, tokens: FlowTokens) {
    this.#hmac = hmac;
    this.#tokens = tokens;
  }

  /** The branch for a request, whose response goes back to `back`. */
  make(request: SipMessage, back: FlowRef): string {
    const transaction = this.#hmac.sign(transactionText(request), DIGITS);
    const text = `${transaction}~${this.#loopDigest(request)}~${refText(back)}`;
    return MARK + this.#tokens.seal('via', text);
  }

  /** Where a response with that branch goes back to; undefined: the branch is not one of ours. */
  read(branch: string): FlowRef | undefined {
    const text = branch.startsWith(MARK)
      ? this.#tokens.open('via', branch.slice(MARK.length))
      : undefined;
    return text === undefined ? undefined : readRef(text.split('~').slice(2).join('~'));
  }

  /** Has it passed here before, with all that decides where it goes as it is now? */
  isLoop(request: SipMessage): boolean {
    const vias = viaValues(request);
    if (!vias.some((value) => value.indexOf(MARK) >= 0)) return false;
    const digest = this.#loopDigest(request);
    return vias.some((value) => {
      const { branch = '' } = parseVia(value) ?? {};
      return branch.split('~', 2)[1] === digest && this.read(branch) !== undefined;
    });
  }

  /** Without tags and branches that differ between an INVITE and its CANCEL or ACK. */
  #loopDigest(request: SipMessage): string {
    const cseq = parseCseq(request.first('CSeq') ?? '');
    const parts = [
      ...[request.requestUri, request.first('Call-ID') ?? '', String(cseq?.number ?? 0)],
      ...[tagOf(request.first('From') ?? '') ?? '', request.all('Route').join(',')],
    ];
    return this.#hmac.sign(`loop|${parts.join('\n')}`, DIGITS);
  }
}

/** What tells one transaction from another: section 16.11, and 17.2.3 for sent-by. */
function transactionText(request: SipMessage): string {
  const via = topVia(request);
  const sentBy = `${via?.host ?? ''}:${via?.port ?? ''}`;
  if (via?.branch?.startsWith(COOKIE) === true) return `new|${sentBy}|${via.branch}`;
  // RFC 2543. The tag of To is left out: the ACK for a failure has one, its INVITE had none.
  const cseq = parseCseq(request.first('CSeq') ?? '');
  const parts = [
    ...[viaValues(request)[0] ?? '', tagOf(request.first('From') ?? '') ?? ''],
    ...[request.first('Call-ID') ?? '', String(cseq?.number ?? 0), request.requestUri],
  ];
  return `old|${parts.join('\n')}`;
}
