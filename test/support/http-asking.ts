/** Asking an injected server, and what an error has to look like. */
import { expect } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../src/http/problem.ts';
import type { Rig } from './observers.ts';

export async function get(rig: Rig, url: string, headers: Record<string, string> = {}) {
  const reply = await rig.app.inject({
    method: 'GET',
    url,
    headers: { host: '127.0.0.1', ...headers },
  });
  return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
}

export async function post(
  rig: Rig,
  url: string,
  payload: object,
  headers: Record<string, string> = {},
) {
  const reply = await rig.app.inject({
    method: 'POST',
    url,
    payload,
    headers: { host: '127.0.0.1', ...headers },
  });
  return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
}

export function expectProblem(
  answer: { status: number; headers: Record<string, unknown>; body: Record<string, unknown> },
  code: ProblemCode,
) {
  expect(answer.status).toBe(PROBLEMS[code].status);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.body).toMatchObject({
    type: `urn:trunkd:problem:${code}`,
    title: PROBLEMS[code].title,
    status: PROBLEMS[code].status,
  });
  expect(String(answer.body['detail'])).not.toBe('');
}
