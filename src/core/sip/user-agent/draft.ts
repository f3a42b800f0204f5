/** One request before it is known how it travels: what it has for itself, and the text for a flow. */
import type { Random } from '../../base/random.ts';
import type { Target } from '../locate/target.ts';
import type { Flow } from '../transport/ports.ts';
import type { ExchangeRequest } from './ports.ts';
import { renderRequest } from './render.ts';
import { routedBy } from './route.ts';

const BRANCH_DIGITS = 24;

export interface Draft {
  readonly cseq: number;
  readonly branch: string;
  /** The line with its CR LF; empty without credentials. */
  readonly authorization: string;
}

/** Takes the next CSeq, and counts the nonce. */
export function newDraft(request: ExchangeRequest, random: Random): Draft {
  const { template, session } = request;
  const cseq = request.nextCseq();
  const branch = `z9hG4bK${random.hex(BRANCH_DIGITS)}`;
  const authorization = session?.authorize(template.method, template.requestUri, '') ?? '';
  return { cseq, branch, authorization };
}

/** `ownFlow`: the flow that the Contact is about, where the request takes another one for its size. */
export function wireOf(
  draft: Draft,
  request: ExchangeRequest,
  flow: Flow,
  ownFlow: Flow | undefined,
  ownProxy: Target | undefined,
): string {
  const { template, tail } = request;
  return renderRequest(template, flow, {
    ...draft,
    routed: routedBy(template.requestUri, request, ownProxy),
    tail: tail(ownFlow ?? flow),
  });
}
