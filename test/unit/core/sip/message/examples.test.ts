import { describe, expect, it } from 'vitest';
import { parseContact } from '../../../../../src/core/sip/header/contact.ts';
import { splitList } from '../../../../../src/core/sip/header/name-addr.ts';
import { countVias, parseVia } from '../../../../../src/core/sip/header/via.ts';
import { parseMessage } from '../../../../../src/core/sip/message/parse.ts';
import { validateRequest, validateResponse } from '../../../../../src/core/sip/message/validate.ts';
import { jsonOf, wireOf } from '../../../../support/wire.ts';

interface Example {
  readonly file: string;
  readonly start: string;
  readonly cseq: string | null;
  readonly contact: readonly string[];
  readonly complete: boolean;
}

const examples = jsonOf<readonly Example[]>('examples/index.json');

/** Content-Length put right: in print most bodies are elided, and some lengths with them. */
const withLength = (wire: string): string => {
  const body = wire.length - wire.indexOf('\r\n\r\n') - 4;
  return wire.replace(/\r\nContent-Length: [^\r]*/i, `\r\nContent-Length: ${body}`);
};

/** What the print spoils: the mark-up of RFC 4475, dots for what is left out, lines broken inside a URI. */
const SPOILT = new Set([
  'rfc5627-02',
  'rfc5627-03',
  'rfc5627-04',
  'rfc5627-05',
  'rfc5627-06',
  'rfc3608-01',
  'rfc3608-02',
  'rfc3608-03',
  'rfc8599-01',
  'rfc8599-02',
  'rfc8599-03',
]);
/** Printed with addresses that have no scheme, against their own grammar. */
const WITHOUT_SCHEME = new Set(['rfc3261-14', 'rfc5626-02']);
const nameOf = ({ file }: Example): string => file.replace(/^.*\/|\.sip$/g, '');

describe('messages printed in RFCs', () => {
  it('finds all of them', () => {
    expect(examples).toHaveLength(95);
  });

  it.each(examples)('$file', (example) => {
    const result = parseMessage(withLength(wireOf(example.file)), 'datagram');
    if (!result.ok) throw new Error(result.reason);
    const { message } = result;
    const start =
      message.kind === 'request'
        ? `${message.method} ${message.requestUri} ${message.version}`
        : `${message.version} ${message.status} ${message.reason}`;
    expect(start).toBe(example.start);
    expect(message.first('CSeq') ?? null).toBe(example.cseq);
    expect(message.all('Contact').flatMap(splitList)).toEqual(example.contact);
    expect(message.all('Via').flatMap(splitList).map(parseVia)).not.toContain(undefined);
  });

  it.each(examples.filter((example) => example.complete && !SPOILT.has(nameOf(example))))(
    '$file is sound',
    (example) => {
      const result = parseMessage(withLength(wireOf(example.file)), 'datagram');
      if (!result.ok) throw new Error(result.reason);
      const { message } = result;
      if (message.kind === 'request') {
        const flaw = WITHOUT_SCHEME.has(nameOf(example)) ? 'Bad To' : undefined;
        expect(validateRequest(message)?.phrase).toBe(flaw);
      } else {
        expect(validateResponse(message)).toBe(countVias(message) > 1 ? 'viaCount' : undefined);
      }
      for (const contact of example.contact.filter((each) => each !== '*')) {
        expect(parseContact(contact), contact).toBeDefined();
      }
    },
  );

  it('refuses those whose Content-Length is larger than what was printed', () => {
    const refused = examples.flatMap((example) => {
      const result = parseMessage(wireOf(example.file), 'datagram');
      return result.ok ? [] : [result.reason];
    });
    expect(new Set(refused)).toEqual(new Set(['truncated', 'contentLength']));
    expect(refused).toHaveLength(17);
  });
});
