/** How a request that cannot be sent on is answered: RFC 3261 section 16.3, RFC 5626 sections 5.3.1 and 11.5. */
import type { RelayRefusal } from './ports.ts';

export interface RelayAnswer {
  readonly status: number;
  readonly phrase: string;
  /** Header lines without CR LF. */
  readonly lines: readonly string[];
  readonly toTag: string;
}

/** A call that was over the limit may come again soon. */
const RETRY_AFTER_SEC = 2;

const UNAVAILABLE = { status: 503, phrase: 'Service Unavailable' };
const BAD = { status: 400, phrase: 'Bad Request' };

const ANSWERS: Readonly<
  Record<RelayRefusal, { readonly status: number; readonly phrase: string }>
> = {
  rate: UNAVAILABLE,
  proxyUnreachable: UNAVAILABLE,
  waiting: UNAVAILABLE,
  flowGone: { status: 430, phrase: 'Flow Failed' },
  token: { status: 403, phrase: 'Forbidden' },
  stranger: { status: 403, phrase: 'Forbidden' },
  source: BAD,
  loop: { status: 482, phrase: 'Loop Detected' },
  maxForwards: { status: 483, phrase: 'Too Many Hops' },
  extension: { status: 420, phrase: 'Bad Extension' },
  malformed: BAD,
  tooLarge: { status: 513, phrase: 'Message Too Large' },
  ack: BAD,
};

/** `own`: a status and phrase that are more to the point. */
export function refusalAnswer(
  reason: RelayRefusal,
  own: { readonly status?: number; readonly phrase?: string },
  lines: readonly string[],
  toTag: string,
): RelayAnswer {
  const more = reason === 'rate' ? [`Retry-After: ${RETRY_AFTER_SEC}`, ...lines] : lines;
  return { ...ANSWERS[reason], ...own, lines: more, toTag };
}
