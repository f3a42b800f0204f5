/** What is wrong with parameters, in plain words: the sentences of zod are for programmers. */
import type { FastifyError } from 'fastify';

export interface BadParameter {
  /** Its name; inside a body the path to it, as `a.b`; empty for the body itself. */
  readonly parameter: string;
  readonly text: string;
}

/** Unknown ones that are named, of as many as somebody sends. */
const MAX_NAMED = 10;

export function badParameters(found: NonNullable<FastifyError['validation']>): BadParameter[] {
  return found.flatMap(({ instancePath, keyword, params, message = '' }) => {
    const path = instancePath.split('/').filter((step) => step !== '');
    const { keys } = params;
    if (keyword === 'unrecognized_keys' && Array.isArray(keys)) {
      return keys.slice(0, MAX_NAMED).map((key) => ({
        parameter: [...path, String(key)].join('.'),
        text: 'is not known here',
      }));
    }
    return { parameter: path.join('.'), text: inWords(keyword, params, message) };
  });
}

/** Sentences of our own, which stand in the schema, are kept. */
function inWords(keyword: string, params: Readonly<Record<string, unknown>>, message: string) {
  if (!/^(Invalid|Too small|Too big)/.test(message)) return message;
  const { values, expected, minimum, maximum, origin } = params;
  const unit = origin === 'string' ? ' characters long' : '';
  switch (keyword) {
    case 'invalid_value':
      return `has to be one of ${Array.isArray(values) ? values.join(', ') : expected}`;
    case 'invalid_type':
      return message.endsWith('received undefined')
        ? 'is missing'
        : `has to be of type ${expected}`;
    case 'too_small':
      return `has to be at least ${minimum}${unit}`;
    case 'too_big':
      return `has to be at most ${maximum}${unit}`;
    default:
      return 'is not valid';
  }
}
