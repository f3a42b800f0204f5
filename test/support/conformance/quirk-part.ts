/** Every quirk over every transport that it names: one port, one player and one registration each. */
import type { Pki } from '../pki.ts';
import {
  GIVEN_CASES,
  OWN_CASES,
  type Protocol,
  protocolsOf,
  type QuirkCase,
} from './quirk-case.ts';
import { QuirkPlayer, type SinceStart } from './quirk-player.ts';
import { SETTINGS } from './settings.ts';
import { ASKED_SEC, AUTH_USER, PASSWORD, type Trial } from './trial.ts';

/** A part of the run: what it wants registered, and its trials. */
export interface Part {
  readonly registrations: readonly Readonly<Record<string, unknown>>[];
  /** Read when the run is over. */
  trials(): readonly Trial[];
  /** Faults of the servers themselves. */
  faults(): readonly unknown[];
  stop(): Promise<void>;
}

export async function quirkPart(pki: Pki, clock: SinceStart): Promise<Part> {
  const { certificate: cert, key } = pki.of('good');
  const plays = await Promise.all(
    [...GIVEN_CASES, ...OWN_CASES].flatMap((quirk) =>
      protocolsOf(quirk).map(async (protocol) => {
        const player = await QuirkPlayer.start(quirk, protocol, { clock, tls: { cert, key } });
        return { quirk, protocol, player };
      }),
    ),
  );
  return {
    registrations: plays.map(({ quirk, protocol, player }) =>
      registrationOf(`alice-${quirk.id}-${protocol}`, protocol, player.port, {
        ...registrarAt(quirk.host, player.port, protocol),
        ...keysOf(quirk, protocol),
        ...filledIn(quirk.registration, protocol, player.port),
      }),
    ),
    trials: () => plays.map(({ quirk, protocol, player }) => trialOf(quirk, protocol, player)),
    faults: () => plays.flatMap(({ player }) => player.faults),
    stop: async () => {
      await Promise.all(plays.map(({ player }) => player.stop()));
    },
  };
}

/** Where redirections point to: registrars that take everything. */
export async function placesElsewhere(
  pki: Pki,
  clock: SinceStart,
): Promise<readonly ElsewherePlace[]> {
  const { certificate: cert, key } = pki.of('good');
  const tls = { cert, key };
  const places = [15_072, 15_073].flatMap((port) =>
    (['udp', 'tcp'] as const).map((protocol) => [port, protocol] as const),
  );
  return await Promise.all(
    places.map(async ([port, protocol]) => ({
      where: `127.0.0.1:${port}`,
      player: await QuirkPlayer.start(TAKES_ALL, protocol, { clock, port, tls, isMixed: true }),
    })),
  );
}

export interface ElsewherePlace {
  readonly where: string;
  readonly player: QuirkPlayer;
}

const TAKES_ALL: QuirkCase = {
  id: 'elsewhere',
  title: 'where redirections point to',
  transport: 'any',
  seen: [],
  steps: [
    [
      {
        raw: 'SIP/2.0 200 OK\n{VIA}\n{FROM}\n{TO}\n{CALLID}\n{CSEQ}\nContact: {CT};expires=60\nContent-Length: 0\n\n',
      },
    ],
  ],
  expect: {},
};

/** `{PORT}` and `{PROTOCOL}` of the player. */
function filledIn(
  registration: QuirkCase['registration'],
  protocol: Protocol,
  port: number,
): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(registration ?? {});
  return JSON.parse(text.replaceAll('{PORT}', `${port}`).replaceAll('{PROTOCOL}', protocol));
}

function keysOf({ id }: QuirkCase, protocol: Protocol): Readonly<Record<string, unknown>> {
  const { registration, protocols } = SETTINGS[id] ?? {};
  return protocols === undefined || protocols.includes(protocol) ? { ...registration } : {};
}

const registrarAt = (host: string | undefined, port: number, protocol: Protocol) =>
  host === undefined ? {} : { registrar: `sip:[${host}]:${port};transport=${protocol}` };

function trialOf(quirk: QuirkCase, protocol: Protocol, player: QuirkPlayer): Trial {
  const { id, title, expect, steps, policy } = quirk;
  return {
    ...{ id, title, protocol, log: player.log },
    registration: `alice-${id}-${protocol}`,
    expect: { ...expect, ...SETTINGS[id]?.expect },
    steps: steps.length,
    policy: SETTINGS[id]?.policy ?? policy,
  };
}

export function registrationOf(
  user: string,
  protocol: Protocol,
  port: number,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    id: user,
    username: user,
    domain: 'registrar.test',
    ddi: user,
    auth: { username: AUTH_USER, password: PASSWORD },
    registrar: `sip:127.0.0.1:${port};transport=${protocol}`,
    expires: ASKED_SEC,
    ...more,
  };
}
