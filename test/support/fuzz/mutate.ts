/**
 * What may become of a message on its way to us: one of a dozen mutations, drawn. Wire text in, wire text
 * out. The anomalies are those that broke other parsers: reliability of the field's own advisories.
 */
import type { Draw } from './draw.ts';
import { SEEDS } from './seeds.ts';

/** What the grammar makes something of, and what breaks parsers. */
const SPLINTERS = [
  ...['\r\n', '\n', '\r', '\r\n ', '\r\n\r\n', ':', ';', ',', '"', '<', '>', '\\', '=', '@', '%'],
  ...[
    '[',
    ']',
    '?',
    '\0',
    '\xff',
    '\xc3\xa0',
    '\xa0',
    ' ',
    '\t',
    '0',
    '-1',
    ';;',
    'SIP/2.0',
    '%00',
  ],
  ...['Via: ', 'l: 5\r\n', '__proto__', 'constructor', ';__proto__=1', 'x-trunkd-source: 1\r\n'],
  ...['Content-Length: 0\r\n', 'To: <sip:a@b>\r\n', 'CSeq: 1 OPTIONS\r\n', ';rport', ';received=1'],
] as const;
const NUMBERS = [
  ...['0', '-1', '+5', '255', '256', '65535', '65536', '2147483647', '2147483648', '4294967295'],
  ...['4294967296', '9223372036854775808', '99999999999999999999999999', '00000000000000001'],
  ...['1e3', '0x10', '1.5', '', ' ', '1 1', '\u00b2', 'NaN', 'Infinity'],
] as const;
const LENGTHS = [
  '0',
  '1',
  '4',
  '-1',
  '65536',
  '4294967296',
  '99999999999999999999',
  '1, 1',
  'x',
  '',
];
const BLANKS = ['\r\n ', '\r\n\t', '\n ', '\r\n \r\n ', '  ', '\t', '\r '] as const;
const COMPACT = [
  ...[
    ['Via', 'v'],
    ['From', 'f'],
    ['To', 't'],
    ['Call-ID', 'i'],
    ['Contact', 'm'],
  ],
  ...[
    ['Content-Length', 'l'],
    ['Supported', 'k'],
    ['Content-Type', 'c'],
  ],
] as const;

type Mutation = (wire: string, draw: Draw) => string;

/** One mutation after the other; most inputs get a few. */
export function mutated(wire: string, draw: Draw): string {
  let text = wire;
  for (let times = 1 + draw.below(4); times > 0; times -= 1) {
    text = draw.pick(draw.isOneIn(64) ? LARGE : SMALL)(text, draw);
  }
  return text;
}

export function aSeed(draw: Draw): string {
  return draw.pick(SEEDS);
}

function replaced(text: string, at: number, gone: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + gone);
}

const flipBit: Mutation = (text, draw) => {
  const at = draw.below(text.length);
  const code = text.charCodeAt(at) ^ (1 << draw.below(8));
  return text === '' ? text : replaced(text, at, 1, String.fromCharCode(code & 0xff));
};

const flipByte: Mutation = (text, draw) =>
  replaced(text, draw.below(text.length), 1, String.fromCharCode(draw.below(256)));

const cutOut: Mutation = (text, draw) =>
  replaced(text, draw.below(text.length), draw.pick([1, 1, 2, 10, 100]), '');

const insert: Mutation = (text, draw) =>
  replaced(text, draw.below(text.length + 1), draw.pick([0, 0, 1, 2]), draw.pick(SPLINTERS));

const insertNuls: Mutation = (text, draw) =>
  replaced(text, draw.below(text.length + 1), draw.below(2), '\0'.repeat(1 + draw.below(3)));

/** The head of one and the tail of another, cut anywhere or at a line end. */
const splice: Mutation = (text, draw) => {
  const other = aSeed(draw);
  const from = draw.below(other.length);
  const at = draw.below(text.length + 1);
  if (draw.isOneIn(2)) return text.slice(0, at) + other.slice(from);
  const lineEnd = text.indexOf('\n', at) + 1;
  return text.slice(0, lineEnd) + other.slice(other.indexOf('\n', from) + 1);
};

const doubleOrDropLine: Mutation = (text, draw) => {
  const start = text.indexOf('\n', draw.below(text.length)) + 1;
  const end = text.indexOf('\n', start) + 1;
  if (end === 0) return text;
  const line = text.slice(start, end);
  if (draw.isOneIn(2)) return replaced(text, start, line.length, '');
  const at = text.indexOf('\n', draw.below(text.length)) + 1;
  return replaced(text, draw.isOneIn(2) ? start : at, 0, line);
};

const lieAboutLength: Mutation = (text, draw) => {
  const lie = draw.pick(LENGTHS);
  if (draw.isOneIn(3)) {
    const at = text.indexOf('\n') + 1;
    return replaced(text, at, 0, `Content-Length: ${lie}\r\n`);
  }
  return text.replace(/^(l|Content-Length)([ \t]*:[ \t]*)\d+/im, `$1$2${lie}`);
};

const oddNumber: Mutation = (text, draw) => {
  const from = draw.below(text.length);
  const found = /\d+/.exec(text.slice(from, from + 200));
  if (found === null) return text;
  return replaced(text, from + found.index, found[0].length, draw.pick(NUMBERS));
};

const fold: Mutation = (text, draw) => {
  const at = text.indexOf(' ', draw.below(text.length));
  return at < 0 ? text : replaced(text, at, draw.below(2), draw.pick(BLANKS));
};

const otherNames: Mutation = (text, draw) => {
  const [name, compact] = draw.pick(COMPACT);
  const other = draw.pick([`${compact}:`, `${name.toUpperCase()} :`, `${name}\t:`, `${name}`, ':']);
  return text.replace(`\r\n${name}:`, `\r\n${other}`);
};

const cutOff: Mutation = (text, draw) => text.slice(0, draw.below(text.length + 1));

/** A piece of the message, over and over, up to what is too large. */
const repeat: Mutation = (text, draw) => {
  const at = draw.below(text.length + 1);
  const piece = draw.isOneIn(2) ? draw.pick(SPLINTERS) : text.slice(at, at + 1 + draw.below(60));
  const octets = 2 ** (6 + draw.below(11));
  return replaced(text, at, 0, piece.repeat(Math.ceil(octets / Math.max(1, piece.length))));
};

/** Many lines: more than there may be of them. */
const manyLines: Mutation = (text, draw) => {
  const start = text.indexOf('\n', draw.below(text.length)) + 1;
  const end = text.indexOf('\n', start) + 1;
  return end === 0
    ? text
    : replaced(text, start, 0, text.slice(start, end).repeat(draw.below(400)));
};

const SMALL: readonly Mutation[] = [
  ...[flipBit, flipByte, cutOut, insert, insert, insertNuls, splice, doubleOrDropLine],
  ...[doubleOrDropLine, lieAboutLength, oddNumber, fold, otherNames, cutOff],
];
const LARGE: readonly Mutation[] = [repeat, repeat, manyLines];
