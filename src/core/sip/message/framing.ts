/**
 * Cuts a stream into messages by Content-Length: RFC 3261 sections 7.5, 18.3 and 20.14; keep-alives
 * of RFC 5626 section 4.4.1 between them.
 *
 *              other octet                empty line, body announced
 *   +---------+----------->+---------+------------------------------->+------+
 *   | between |            | headers |                                | body |
 *   +---------+<-----------+---------+                                +------+
 *     |    ^   empty line: message                                       |
 *     |    +---------------------- all octets there: message ------------+
 *     +-- CR LF: pong; the second in a row: ping
 *   an error leads from anywhere to `failed`: what follows is not looked at.
 *
 * Chunks are kept as they come and joined once, so that octet-by-octet arrival costs no more than
 * one piece; the result does not depend on where the stream was cut. At most one message is held.
 */
import { unreachable } from '../../base/assert.ts';
import { CR, LF } from './characters.ts';
import { LIMITS } from './limits.ts';
import { HeaderScan, type ScanFlaw } from './scan.ts';

export type FramerEvent =
  | { readonly kind: 'message'; readonly wire: string }
  /** A double CR LF: to be answered with a single one. */
  | { readonly kind: 'ping' }
  /** A single CR LF. The first half of a ping is reported as one too: a pong must not have to wait. */
  | { readonly kind: 'pong' }
  /** The connection has to be closed; `wire` holds what there is of the headers, for a 400. */
  | { readonly kind: 'error'; readonly reason: FramerFault; readonly wire: string };

export type FramerFault = 'tooLarge' | ScanFlaw;

export interface FramerLimits {
  readonly messageOctets: number;
  readonly lineOctets: number;
}

export class StreamFramer {
  readonly #limits: FramerLimits;
  #state: 'between' | 'headers' | 'body' | 'failed' = 'between';
  /** What has come of the message that is being read, in order. */
  #pieces: string[] = [];
  #octets = 0;
  /** Octets of the header line that is being read; a CR is counted. */
  #lineOctets = 0;
  #isAfterCr = false;
  #isAfterCrLf = false;
  #pongsDue = 0;
  /** Octets of the body that have not come yet. */
  #missing = 0;

  constructor(limits: FramerLimits = LIMITS) {
    this.#limits = limits;
  }

  /**
   * To be called when a ping of ours is sent: the next CR LF is its pong, and no half of a ping. So
   * two pongs in a row are not taken for a ping.
   */
  expectPong(): void {
    this.#pongsDue += 1;
  }

  /** To be called when the pong is no longer waited for: the next double CR LF is a ping again. */
  forgetPong(): void {
    this.#pongsDue = 0;
  }

  /** True while a message has begun and its end has not come: whoever owns the connection sets it a time. */
  get isInMessage(): boolean {
    return this.#state === 'headers' || this.#state === 'body';
  }

  /** Takes what was read from the connection; one character per octet. */
  push(chunk: string): readonly FramerEvent[] {
    const events: FramerEvent[] = [];
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'between':
          at = this.#skip(chunk, at, events);
          break;
        case 'headers':
          at = this.#readHeaders(chunk, at, events);
          break;
        case 'body':
          at = this.#readBody(chunk, at, events);
          break;
        case 'failed':
          return events;
        default:
          return unreachable(this.#state);
      }
    }
    return events;
  }

  #skip(chunk: string, from: number, events: FramerEvent[]): number {
    let at = from;
    for (; at < chunk.length; at += 1) {
      const code = chunk.charCodeAt(at);
      if (code === LF) this.#lineEnd(events);
      else if (code !== CR) break;
      this.#isAfterCr = code === CR;
    }
    if (at < chunk.length) {
      this.#state = 'headers';
      this.#isAfterCrLf = false;
      this.#lineOctets = 0;
    }
    return at;
  }

  #lineEnd(events: FramerEvent[]): void {
    if (!this.#isAfterCr) return;
    if (this.#pongsDue > 0) {
      this.#pongsDue -= 1;
      this.#isAfterCrLf = false;
      events.push({ kind: 'pong' });
    } else {
      events.push({ kind: this.#isAfterCrLf ? 'ping' : 'pong' });
      this.#isAfterCrLf = !this.#isAfterCrLf;
    }
  }

  /** Looks for an empty line, the end of the header section. */
  #readHeaders(chunk: string, from: number, events: FramerEvent[]): number {
    for (let at = from; at < chunk.length; ) {
      const lf = chunk.indexOf('\n', at);
      const end = lf < 0 ? chunk.length : lf;
      const overflow = this.#overflowIn(at - from, end - at);
      if (overflow !== undefined) {
        return this.#fail(overflow.fault, chunk.slice(from, at + overflow.octets), events);
      }
      const lineOctets = this.#lineOctets + end - at;
      const isAfterCr = end > at ? chunk.charCodeAt(end - 1) === CR : this.#isAfterCr;
      if (lf < 0) {
        this.#lineOctets = lineOctets;
        this.#isAfterCr = isAfterCr;
        break;
      }
      this.#lineOctets = 0;
      this.#isAfterCr = false;
      at = lf + 1;
      const isEmpty = lineOctets === 0 || (lineOctets === 1 && isAfterCr);
      if (isEmpty) return this.#endHeaders(chunk, from, at, events);
    }
    this.#keep(chunk.slice(from));
    return chunk.length;
  }

  /**
   * How many of the next `octets` of a line, which stand behind `before` of this chunk, lead up to the first
   * one that is too much. That one ends the stream, whether the rest of the line has come yet or not.
   */
  #overflowIn(
    before: number,
    octets: number,
  ): { readonly fault: FramerFault; readonly octets: number } | undefined {
    const messageRoom = this.#limits.messageOctets - this.#octets - before;
    // A line may end with a CR that is not counted.
    const lineRoom = this.#limits.lineOctets + 1 - this.#lineOctets;
    if (octets <= Math.min(messageRoom, lineRoom)) return undefined;
    return messageRoom <= lineRoom
      ? { fault: 'tooLarge', octets: messageRoom + 1 }
      : { fault: 'lineTooLong', octets: lineRoom + 1 };
  }

  #endHeaders(chunk: string, from: number, to: number, events: FramerEvent[]): number {
    this.#keep(chunk.slice(from, to));
    const head = this.#joined();
    const scan = new HeaderScan(head, head.indexOf('\n') + 1);
    const fault = frameFault(scan);
    if (fault !== undefined) return this.#fail(fault, '', events);
    this.#missing = scan.contentLength ?? 0;
    if (head.length + this.#missing > this.#limits.messageOctets) {
      return this.#fail('tooLarge', '', events);
    }
    this.#state = 'body';
    return this.#readBody(chunk, to, events);
  }

  #readBody(chunk: string, from: number, events: FramerEvent[]): number {
    const to = Math.min(chunk.length, from + this.#missing);
    this.#missing -= to - from;
    if (to > from) this.#keep(chunk.slice(from, to));
    if (this.#missing === 0) {
      events.push({ kind: 'message', wire: this.#joined() });
      this.#start('between');
    }
    return to;
  }

  #keep(piece: string): void {
    this.#pieces.push(piece);
    this.#octets += piece.length;
    if (this.#pieces.length > MOST_PIECES) this.#joined();
  }

  /** Everything kept, as one piece. */
  #joined(): string {
    const wire = this.#pieces.length === 1 ? (this.#pieces[0] ?? '') : this.#pieces.join('');
    this.#pieces = [wire];
    return wire;
  }

  #start(state: 'between' | 'failed'): void {
    this.#state = state;
    this.#pieces = [];
    this.#octets = 0;
    this.#lineOctets = 0;
    this.#isAfterCr = false;
  }

  /** Nothing after this can be told apart; gives a position behind every chunk. */
  #fail(reason: FramerFault, rest: string, events: FramerEvent[]): number {
    this.#keep(rest);
    events.push({ kind: 'error', reason, wire: this.#joined() });
    this.#start('failed');
    return Number.MAX_SAFE_INTEGER;
  }
}

/** A faulty header line does no harm here as long as Content-Length is known. */
function frameFault(scan: HeaderScan): ScanFlaw | undefined {
  if (scan.isLengthFaulty) return 'contentLength';
  const isLengthKnown = scan.contentLength !== undefined && scan.flaw !== 'tooManyFields';
  return isLengthKnown ? undefined : scan.flaw;
}

/** Small pieces are put together when there are so many, to keep memory near their octets. */
const MOST_PIECES = 1_024;
