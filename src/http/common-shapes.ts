/** Shapes that several answers of the API have in common. */
import { z } from 'zod';

export const time = z.string().describe('ISO 8601, UTC');
export const labels = z.record(z.string(), z.string());
export const admin = z.enum(['up', 'drain', 'off']);
export const peerState = z.enum(['unknown', 'up', 'impaired', 'down']);
export const registrationState = z.enum([
  'idle',
  'registering',
  'registered',
  'refreshFailing',
  'waiting',
  'rejected',
  'unregistering',
  'off',
]);
export const contractEnabled = z.enum(['all', 'some', 'none']);

export const causeShape = z.object({
  code: z.string().describe('stable; listed in docs/errors.md'),
  text: z.string().describe('what happened, and whose fault it is'),
  next: z.string().describe('what comes next'),
});
export const cause = causeShape.nullable();

export const lastResponse = z.object({ code: z.int(), reason: z.string() }).nullable();

/** A page of a list, as design.md 4 has it. */
export function listOf<Row extends z.ZodType>(row: Row): z.ZodType {
  return z.object({
    items: z.array(row),
    next: z.string().nullable().describe('cursor of the next page'),
  });
}
