/** Every flavour of Kamailio, over UDP, TCP and TLS, judged by its usrloc and by what reached it. */
import { type Binding, Kamailio, type SeenRequest } from '../kamailio.ts';
import type { Pki } from '../pki.ts';
import { FLAVOURS, type Flavour, KAMAILIO_EXPIRES_SEC } from './kamailio-flavours.ts';
import type { Protocol } from './quirk-case.ts';
import { registrationOf } from './quirk-part.ts';
import { PASSWORD, type StateRow } from './trial.ts';

interface KamailioVerdict {
  readonly flavour: Flavour;
  readonly protocol: Protocol;
  readonly flaws: readonly string[];
}

export interface KamailioPart {
  readonly registrations: readonly Readonly<Record<string, unknown>>[];
  /** Asked while everything still runs. */
  verdicts(rows: ReadonlyMap<string, StateRow>): Promise<readonly KamailioVerdict[]>;
  stop(): Promise<void>;
}

const PROTOCOLS: readonly Protocol[] = ['udp', 'tcp', 'tls'];
/** Each is a dozen processes: all at once would starve what is measured. */
const AT_ONCE = 4;

const userOf = ({ id }: Flavour, protocol: Protocol): string => `kam-${id}-${protocol}`;
const protocolsOf = ({ protocols = PROTOCOLS }: Flavour): readonly Protocol[] => protocols;

export async function kamailioPart(pki: Pki): Promise<KamailioPart> {
  const running = new Map<Flavour, Kamailio>();
  for (let at = 0; at < FLAVOURS.length; at += AT_ONCE)
    await Promise.all(
      FLAVOURS.slice(at, at + AT_ONCE).map(async (flavour) => {
        running.set(flavour, await start(flavour, pki));
      }),
    );
  return {
    registrations: [...running].flatMap(([flavour, kamailio]) =>
      protocolsOf(flavour).map((protocol) => registrationAt(flavour, kamailio, protocol)),
    ),
    verdicts: async (rows) =>
      (
        await Promise.all([...running].map(([flavour, one]) => verdictsOf(flavour, one, rows)))
      ).flat(),
    stop: async () => {
      await Promise.all([...running.values()].map((kamailio) => kamailio.stop()));
    },
  };
}

async function start(flavour: Flavour, pki: Pki): Promise<Kamailio> {
  const users = new Map(
    protocolsOf(flavour).map((protocol) => [userOf(flavour, protocol), PASSWORD]),
  );
  const { defines } = flavour;
  const kamailio = await Kamailio.start({
    defines,
    users,
    tls: pki.filesOf('good'),
  });
  if (flavour.id === 'max-contacts') await fillUp(flavour, kamailio);
  return kamailio;
}

const OTHER_DEVICE = 'sip:device@192.0.2.99:5060';
const OTHER_DEVICE_SEC = 30;

/** Gives each address of record a binding of another device. */
async function fillUp(flavour: Flavour, kamailio: Kamailio): Promise<void> {
  for (const protocol of protocolsOf(flavour)) {
    const aor = `${userOf(flavour, protocol)}@registrar.test`;
    await kamailio.addBinding(aor, OTHER_DEVICE, OTHER_DEVICE_SEC);
  }
}

function registrationAt(
  flavour: Flavour,
  { sipPort, tlsPort }: Kamailio,
  protocol: Protocol,
): Readonly<Record<string, unknown>> {
  const user = userOf(flavour, protocol);
  return registrationOf(user, protocol, protocol === 'tls' ? tlsPort : sipPort, {
    auth: { username: user, password: PASSWORD },
    expires: KAMAILIO_EXPIRES_SEC,
    ...flavour.registration,
  });
}

async function verdictsOf(
  flavour: Flavour,
  kamailio: Kamailio,
  rows: ReadonlyMap<string, StateRow>,
): Promise<readonly KamailioVerdict[]> {
  const dump = await kamailio.dump();
  return protocolsOf(flavour).map((protocol) => {
    const user = userOf(flavour, protocol);
    const row = rows.get(user);
    if (row === undefined) throw new Error(`no row of ${user}`);
    const bindings: readonly Binding[] = dump.get(`${user}@registrar.test`) ?? [];
    const requests = withoutCopies(kamailio.requests().filter((one) => one.user === user));
    // -5: without credentials; -4 and -6: stale, which is no refusal.
    const refusals = kamailio
      .challenges()
      .filter(({ user: who, code }) => who === user && ![-5, -4, -6].includes(code)).length;
    const lapses = kamailio.expired().filter((aor) => aor.startsWith(`${user}@`)).length;
    const flaws = flavour.judge({ bindings, requests, refusals, lapses, row });
    return { flavour, protocol, flaws };
  });
}

/** Each request once: over UDP a busy machine may send it again. */
function withoutCopies(requests: readonly SeenRequest[]): readonly SeenRequest[] {
  const known = new Set<string>();
  return requests.filter(({ callId, cseq }) => {
    const key = `${callId} ${cseq}`;
    return !known.has(key) && known.add(key);
  });
}
