/**
 * The conformance run: all cases at once, each at a registrar of its own, at one daemon; one minute and a bit,
 * because Timer F and the retries after it are part of the cases.
 */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePki } from '../pki.ts';
import { freePort } from '../processes.ts';
import { type Config, Trunkd } from '../trunkd.ts';
import { startIncidents } from './incidents.ts';
import { kamailioPart } from './kamailio-part.ts';
import { LatenessWatch } from './lateness.ts';
import type { Protocol } from './quirk-case.ts';
import { isOf, judge } from './quirk-judge.ts';
import { placesElsewhere, quirkPart } from './quirk-part.ts';
import { sippPart } from './sipp-part.ts';
import type { Aftermath, StateRow, Trial } from './trial.ts';
import { MAX_RATE, uasVerdicts } from './uas-part.ts';
import { OWN_PROXY, wayPart } from './way-part.ts';
import { wireVerdicts } from './wire-rules.ts';

/** The longest cases: silence, Timer F (32 s), then a retry after up to 30 s. */
const RUN_MS = 68_000;
const CONTACT = '127.0.0.1:15090';

/** A case over one transport, however it was judged. */
export interface Verdict {
  readonly id: string;
  readonly title: string;
  readonly protocol: Protocol;
  readonly policy: string | undefined;
  readonly flaws: readonly string[];
}

export async function conformanceRun(): Promise<readonly Verdict[]> {
  const started = performance.now();
  const clock = (): number => Math.round(performance.now() - started);
  const pki = await makePki(['good', 'client']);
  const parts = [await quirkPart(pki, clock), await sippPart()];
  const kamailio = await kamailioPart(pki);
  const incidents = await startIncidents(pki);
  const way = await wayPart(pki);
  const elsewhere = await placesElsewhere(pki, clock);
  const registrations = [...parts, kamailio, incidents].flatMap((part) => part.registrations);
  const ports = { udp: await freePort(), tcp: await freePort(), tls: await freePort() };
  const server = pki.filesOf('good');
  const configOf = (isKept: (id: string) => boolean): Config => ({
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'udp6', protocol: 'udp', bind: `[::1]:${ports.udp}` },
      { name: 'tcp6', protocol: 'tcp', bind: `[::1]:${ports.tcp}` },
      { name: 'tls6', protocol: 'tls', bind: `[::1]:${ports.tls}`, ...server },
      // Not the one that registers: where a flood has to be read first, bindings of 10 s may run out.
      { name: 'udp-in', protocol: 'udp', bind: `127.0.0.1:${ports.udp}` },
      { name: 'tcp-in', protocol: 'tcp', bind: `127.0.0.1:${ports.tcp}` },
      {
        name: 'tls-in',
        protocol: 'tls',
        bind: `127.0.0.1:${ports.tls}`,
        ...server,
      },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
      {
        ...{ name: 'tls-client', protocol: 'tls', bind: '127.0.0.1:0' },
        ...pki.filesOf('client'),
      },
    ],
    proxies: way.proxies,
    inbound: { allow: ['127.0.0.1/32', '::1/128'], maxRate: MAX_RATE },
    defaults: { registration: { contact: CONTACT } },
    peeringContracts: [
      {
        name: 'conformance',
        registrations: registrations.filter(({ id }) => isKept(String(id))),
      },
      {
        ...{ name: 'through', via: OWN_PROXY },
        registrations: way.registrations.filter(({ id }) => isKept(String(id))),
      },
    ],
  });
  let daemon: Trunkd | undefined;
  try {
    const trunkd = await Trunkd.start(configOf(() => true));
    daemon = trunkd;
    const before = residentMib(trunkd.pid);
    const watch = LatenessWatch.start(clock);
    const end = sleep(RUN_MS);
    const calls = way.begin(trunkd);
    const asked = await uasVerdicts({ host: '127.0.0.1', ports, ca: pki.ca });
    await incidents.midway();
    await calls;
    await end;
    const rows = await trunkd.list<StateRow>('/v1/registrations');
    const aftermath: Aftermath = {
      rows: new Map(rows.map((row) => [row.id, row])),
      elsewhere: elsewhere.map(({ where, player }) => ({ where, log: player.log })),
      isAlive: rows.length > 0,
      bugs: trunkd.lines('bug.caught').length,
      grownMib: residentMib(trunkd.pid) - before,
      lateness: watch.end(await (await fetch(`${trunkd.url}/metrics`)).text()),
    };
    const faults = parts.flatMap((part) => part.faults());
    if (faults.length > 0) throw new AggregateError(faults, 'the registrars of the run failed');
    const kamailioVerdicts = await kamailio.verdicts(aftermath.rows);
    const wayVerdicts = await way.verdicts(aftermath.rows);
    const happened = await incidents.verdicts(trunkd, configOf);
    const trials = parts.flatMap((part) => part.trials());
    return [
      ...trials.map((trial) => ({ ...trial, flaws: judge(trial, aftermath) })),
      ...kamailioVerdicts.map(({ flavour, ...rest }) => ({
        ...rest,
        id: `kamailio/${flavour.id}`,
        title: flavour.title,
        policy: flavour.policy,
      })),
      ...[...wayVerdicts, ...happened].map((one) => ({ ...one, policy: undefined })),
      ...asked.map(({ one, ...rest }) => ({
        ...rest,
        ...{ id: one.id, title: one.title, policy: one.policy },
      })),
      ...wireVerdicts(trials.map((trial) => wherever(trial, aftermath))),
    ];
  } finally {
    await daemon?.stop();
    await Promise.all([...parts, kamailio, incidents, way].map((part) => part.stop()));
    await Promise.all(elsewhere.map(({ player }) => player.stop()));
    pki.remove();
  }
}

/** With what it sent to the places that it was redirected to. */
function wherever(trial: Trial, { elsewhere }: Aftermath): Trial {
  const there = elsewhere.flatMap(({ log }) => log.messages).filter((one) => isOf(trial, one));
  if (there.length === 0) return trial;
  const messages = [...trial.log.messages, ...there].sort((a, b) => a.atMs - b.atMs);
  return { ...trial, log: { ...trial.log, messages } };
}

function residentMib(pid: number): number {
  const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}
