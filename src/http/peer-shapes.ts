/** The shapes of peering contracts and their servers. */
import { z } from 'zod';
import type { PausedRow } from '../observe/pause-row.ts';
import type { ContractRow, PeerServerRow, VerdictsRow } from '../observe/peer-rows.ts';
import {
  admin,
  cause,
  causeShape,
  contractEnabled,
  labels,
  lastResponse,
  listOf,
  peerState,
  registrationState,
  time,
} from './common-shapes.ts';

const adminOrder = z
  .object({
    command: z.string(),
    reason: z.string(),
    by: z.string(),
    at: time,
    until: time.nullable(),
  })
  .nullable()
  .describe('what an operator commanded over the configuration');

const target = z.object({
  target: z.string(),
  transport: z.enum(['udp', 'tcp', 'tls']),
  address: z.string(),
  port: z.int(),
  state: peerState,
  enabled: z.boolean().describe('true while calls may be sent to this address'),
  since: time,
  rttMs: z.number().nullable(),
  rtt: z
    .object({
      smoothedMs: z.number().nullable(),
      p50Ms: z.number().nullable(),
      p95Ms: z.number().nullable(),
      samples: z.int(),
    })
    .nullable()
    .describe('of the last answers, 64 at most'),
  lastResponse,
  lastProbeAt: time.nullable(),
  evidence: z
    .array(z.object({ at: time, what: z.string(), times: z.int(), lastAt: time }))
    .readonly()
    .describe('results that were not as usual, and changes of the state; the oldest first'),
  successes: z.int(),
  failures: z.int(),
  nextProbeAt: time.nullable(),
});

export const peerServer = z.object({
  id: z.string().describe('contract/name'),
  contract: z.string(),
  name: z.string(),
  description: z.string(),
  labels,
  state: peerState,
  enabled: z.boolean().describe('true while calls may be sent there'),
  lastResort: z.boolean().describe('true while it is to be tried after all others only'),
  rank: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .describe('0 enabled, 1 last resort, 2 not offered: lower ones come first'),
  admin,
  order: adminOrder,
  since: time,
  cause,
  causes: z.array(causeShape).readonly().describe('all that has a word in it, `cause` first'),
  rttMs: z.number().nullable(),
  nextProbeAt: time.nullable(),
  priority: z.int(),
  weight: z.int().describe('as configured'),
  effectiveWeight: z.number().describe('as it counts now'),
  sipProxy: z.string(),
  uriScheme: z.enum(['sip', 'sips']),
  nextHop: z.string(),
  via: z.string().nullable().describe('the SIP proxy of ours that probes travel through'),
  auth: z.object({ username: z.string(), realm: z.string().nullable() }).nullable(),
  callOriginHeaders: z.array(z.enum(['pai', 'rpid'])).readonly(),
  requestUri: z.object({ strip: z.int(), prefix: z.string(), parameters: z.string() }),
  from: z.object({ user: z.string().nullable(), domain: z.string().nullable() }),
  probe: z.object({
    mode: z.enum(['options', 'idleOnly', 'connect', 'register', 'off']),
    intervalMs: z.number(),
    timeoutMs: z.number(),
    fall: z.int(),
    rise: z.int(),
    recheckMs: z.number(),
    answers: z.string(),
    impairedAboveMs: z.number().nullable(),
  }),
  requires: z
    .object({ registrations: z.array(z.string()).readonly(), atLeast: z.int() })
    .nullable()
    .describe('registrations without which it is not enabled'),
  partial: z.boolean().describe('some of its targets are down, and it is not'),
  targets: z.array(target).readonly(),
}) satisfies z.ZodType<PeerServerRow>;

export const contract = z.object({
  name: z.string(),
  description: z.string(),
  labels,
  metadata: labels,
  admin,
  onAllDown: z.enum(['tryAll', 'none']),
  enabled: contractEnabled,
  offers: z
    .enum(['enabled', 'all', 'none'])
    .describe('which servers are offered: the enabled ones, all that are not drained or off, none'),
  panic: z.boolean().describe('some are enabled, but so few that all are offered'),
  order: adminOrder,
  peerServers: z
    .array(
      peerServer.pick({
        id: true,
        name: true,
        state: true,
        enabled: true,
        lastResort: true,
        rank: true,
        admin: true,
        since: true,
        cause: true,
        priority: true,
        weight: true,
        effectiveWeight: true,
      }),
    )
    .readonly(),
  registrations: z.record(registrationState, z.int()),
}) satisfies z.ZodType<ContractRow>;

export const verdicts = z.object({
  epoch: z.int().describe('rises with every start of trunkd'),
  sequence: z.int().describe('rises with every change of anything that consumers are told'),
  networkSuspect: z.boolean().describe('our own side is at fault, as it seems; never by an order'),
  frozen: z
    .object({
      since: time,
      until: time.nullable(),
      ordered: z.boolean().describe('by an operator; else our own side is at fault'),
      cause: causeShape,
    })
    .nullable()
    .describe('while set, nothing is disabled for its silence'),
  paused: z
    .object({
      since: time,
      until: time.nullable(),
      by: z.string().describe('who gave the order'),
      reason: z.string().describe('empty: none was given'),
      cause: causeShape,
    })
    .nullable()
    .describe('while set, an operator has all registrations rest: no REGISTER is sent'),
}) satisfies z.ZodType<VerdictsRow & PausedRow>;

export const contractPage = listOf(contract);
export const peerServerPage = listOf(peerServer);
