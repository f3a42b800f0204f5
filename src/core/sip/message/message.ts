/**
 * A SIP message as it came off the wire: the text, and where its header fields lie. Nothing but the
 * start line is interpreted before somebody asks; unknown header fields survive untouched.
 * RFC 3261 section 7.
 */
import type { HeaderName } from './header-name.ts';

export interface SipMessage {
  /** The whole message, one character per octet. */
  readonly text: string;
  readonly kind: 'request' | 'response';
  /** Requests: as received (case-sensitive, never unescaped); responses: empty. */
  readonly method: string;
  /** Requests: as received; responses: empty. */
  readonly requestUri: string;
  /** Responses: 100 to 699; requests: 0. */
  readonly status: number;
  /** Responses: the reason phrase as received (latin1 of UTF-8); requests: empty. */
  readonly reason: string;
  /** The SIP version as received, e.g. `SIP/2.0`. */
  readonly version: string;
  /** The first field of that name: unfolded, trimmed, not split at commas; undefined if absent. */
  first(name: HeaderName): string | undefined;
  /** Every field of that name in order, as `first`; list headers still hold their commas. */
  all(name: HeaderName): readonly string[];
  /** Every field of that name as it came, continuation lines included: for echoing it octet by octet. */
  rawAll(name: HeaderName): readonly string[];
  /** Number of fields of that name; cuts nothing out of the text. */
  count(name: HeaderName): number;
  /** Number of header field lines (after unfolding). */
  readonly fieldCount: number;
  /** Field `index` for whoever needs all of them in order: its canonical or lower-case name and value. */
  field(index: number): { readonly name: string; readonly value: string };
  /** The octets after the empty line, cut to Content-Length. */
  readonly body: string;
}
