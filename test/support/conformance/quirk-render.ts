/**
 * Fills the placeholders of a quirk, and makes octets of it. Source: trunkd test corpus, quirks/quirkd.py,
 * whose behaviour this keeps.
 *
 *   {VIA} all Via lines   {FROM} {CALLID} {CSEQ} lines   {TO} with ;tag=q1 where it has none   {TO0} as it is
 *   {CT} Contact URI in <>   {CTURI} URI only   {CTPARAMS} parameters of the Contact   {PORT} own port
 *   {VBRANCH} top branch   {SRCIP} {SRCPORT}   {N} counts up   {VIA_RPORT:ip:port} Via with received, rport
 * Ours: {CTUSER} user of the Contact   {CTURI_PORT} the URI with its default port   {EXPIRES} what was asked
 */

import type { QuirkReply } from './quirk-case.ts';
import { field, type SeenMessage } from './seen.ts';

export interface RenderContext {
  readonly port: number;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** Counts the replies of the player. */
  readonly count: number;
}

export function wireOf(reply: QuirkReply, request: SeenMessage, context: RenderContext): Buffer {
  if (reply.b64 !== undefined) return Buffer.from(reply.b64, 'base64');
  let text = rendered(reply.raw ?? '', request, context);
  const eol = reply.eol ?? 'crlf';
  if (eol === 'crlf') text = withCrLf(text);
  if (eol === 'lf') text = text.replaceAll('\r\n', '\n');
  let octets = Buffer.from(text.repeat(reply.repeat ?? 1), 'utf8');
  if (reply.tail !== undefined)
    octets = Buffer.concat([octets, Buffer.from(withCrLf(reply.tail), 'utf8')]);
  return reply.cut === undefined ? octets : octets.subarray(0, reply.cut);
}

const withCrLf = (text: string): string => text.replaceAll(/(?<!\r)\n/g, '\r\n');

const tagged = (to: string): string => (to.includes('tag=') ? to : `${to};tag=q1`);

function rendered(raw: string, request: SeenMessage, context: RenderContext): string {
  const values = valuesOf(request, context);
  const text = raw.replaceAll(
    /\{VIA_RPORT:([^:}]*):((?:[^{}]|\{N4\})*)\}/g,
    (_, address: string, port: string) => natVia(request, address, port, context.count),
  );
  return text.replaceAll(/\{([A-Z0-9_]+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** The Via as a registrar behind a NAT would send it back. */
function natVia(request: SeenMessage, address: string, port: string, count: number): string {
  const [top = '', ...others] = request.fields.get('via') ?? [];
  const rport = port.replace('{N4}', String(count % 9999).padStart(4, '0'));
  const plain = top.replaceAll(/;\s*rport(=\d*)?/g, '');
  const received = address === '' ? '' : `;received=${address}`;
  const first = `${plain};rport=${rport}${received}`;
  return [first, ...others].map((via) => `Via: ${via}`).join('\n');
}

function contactParts(contact: string): readonly [uri: string, parameters: string] {
  const match = /^\s*(?:"(?:\\.|[^"\\])*"|[^<"]*)<([^>]*)>(.*)$/.exec(contact);
  return match === null ? [contact.split(';')[0] ?? '', ''] : [match[1] ?? '', match[2] ?? ''];
}

function valuesOf(request: SeenMessage, context: RenderContext): Readonly<Record<string, string>> {
  const vias = request.fields.get('via') ?? [''];
  const [uri, parameters] = contactParts(field(request, 'contact'));
  const [to, from] = [field(request, 'to'), field(request, 'from')];
  const [callId, cseq] = [field(request, 'call-id'), field(request, 'cseq')];
  const upperBranch = (vias[0] ?? '').replace(
    /(branch\s*=\s*)([^;,\s]+)/,
    (_, name: string, value: string) => name + value.toUpperCase(),
  );
  const upperHost = uri.replace(
    /^(sips?:(?:[^@]*@)?)([^;?]*)/,
    (_, start: string, host: string) => start + host.toUpperCase(),
  );
  return {
    VIA: vias.map((via) => `Via: ${via}`).join('\n'),
    VIA_C: vias.map((via) => `v: ${via}`).join('\n'),
    VIA_UP: `Via: ${upperBranch}`,
    FROM: `From: ${from}`,
    FROMV: from,
    TO0: `To: ${to}`,
    TO: `To: ${tagged(to)}`,
    TOV: tagged(to),
    CALLID: `Call-ID: ${callId}`,
    CALLIDV: callId,
    CSEQ: `CSeq: ${cseq}`,
    CSEQV: cseq,
    CSEQN: cseq.split(' ')[0] ?? '',
    CT: `<${uri}>`,
    CTURI: uri,
    CTURI_UP: upperHost,
    CTUSER: /^sips?:([^@]*)@/.exec(uri)?.[1] ?? '',
    CTPARAMS: parameters.replaceAll(/;\s*expires=\d+/g, ''),
    EXPIRES: field(request, 'expires'),
    PORT: String(context.port),
    N: String(context.count),
    VBRANCH: request.branch,
    SRCIP: context.sourceAddress,
    SRCPORT: String(context.sourcePort),
  };
}
