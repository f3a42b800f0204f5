/** What is told about parameters that do not fit: words for people, not those of the schema library. */
import { expect, it } from 'vitest';
import { get } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

it.each([
  ['/v1/registrations?forse=1&x=2', ['forse is not known here', 'x is not known here']],
  ['/v1/registrations?bound=maybe', ['bound has to be one of true, false']],
  ['/v1/registrations?cursor=', ['cursor has to be at least 1 characters long']],
  ['/v1/route?contract=acme', ['to is missing', 'from is missing']],
])('says in plain words what is wrong: %s', async (url, expected) => {
  const { body } = await get(await aServer(), url);
  const errors = body.errors as { readonly parameter: string; readonly text: string }[];
  expect(errors.map(({ parameter, text }) => `${parameter} ${text}`)).toEqual(expected);
});
