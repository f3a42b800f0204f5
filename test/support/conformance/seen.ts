/** What the other side saw, one record for each thing that arrived: the judge of every case. */

export interface SeenMessage {
  /** Milliseconds since the start of the run. */
  readonly atMs: number;
  readonly source: string;
  /** The request line or status line. */
  readonly line: string;
  /** `RESPONSE` for a response. */
  readonly method: string;
  /** Values by long, lower-case name, in order. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly branch: string;
  /** Which step of its case was played for it. */
  readonly step: number | undefined;
  readonly raw: string;
  /** It came over TLS. */
  readonly isSecure: boolean;
}

export interface SeenLog {
  readonly messages: SeenMessage[];
  /** Runs of CR LF on a stream, and datagrams that are only such. */
  readonly keepAlives: { readonly atMs: number; readonly octets: number }[];
  /** When STUN Binding requests came. */
  readonly stun: number[];
  readonly connects: number[];
  readonly closes: number[];
}

export const newLog = (): SeenLog => ({
  messages: [],
  keepAlives: [],
  stun: [],
  connects: [],
  closes: [],
});

export const field = (message: SeenMessage, name: string): string =>
  message.fields.get(name)?.[0] ?? '';

export const registers = (log: SeenLog): readonly SeenMessage[] =>
  log.messages.filter(({ method }) => method === 'REGISTER');

/** The first copy of each transaction. */
export function transactions(log: SeenLog): readonly SeenMessage[] {
  const known = new Set<string>();
  return registers(log).filter(({ branch }) => !known.has(branch) && known.add(branch));
}

const COMPACT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  e: 'content-encoding',
  c: 'content-type',
  k: 'supported',
  s: 'subject',
};

/** A message cut up as leniently as the player of the corpus does it. */
export function seenMessage(raw: string, atMs: number, source: string): SeenMessage {
  const [head = ''] = raw.split('\r\n\r\n', 1);
  const [line = '', ...lines] = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const fields = new Map<string, string[]>();
  for (const one of lines) {
    const colon = one.indexOf(':');
    const short = one.slice(0, colon).trim().toLowerCase();
    const name = COMPACT[short] ?? short;
    const values = fields.get(name) ?? [];
    values.push(one.slice(colon + 1).trim());
    fields.set(name, values);
  }
  const words = line.split(' ');
  const isRequest = words.length > 2 && words.at(-1)?.startsWith('SIP/') === true;
  const branch = /branch\s*=\s*([^;,\s]+)/.exec(fields.get('via')?.[0] ?? '')?.[1] ?? '';
  const method = isRequest ? (words[0] ?? '') : 'RESPONSE';
  return { atMs, source, line, method, fields, branch, step: undefined, raw, isSecure: false };
}
