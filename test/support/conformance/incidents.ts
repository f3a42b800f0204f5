/**
 * What happens to registrations at a living Kamailio: it forgets a binding, one is taken out of the configuration,
 * the daemon is killed and started again. Judged by its usrloc before and after.
 */
import { type Binding, Kamailio } from '../kamailio.ts';
import type { Pki } from '../pki.ts';
import { eventually } from '../processes.ts';
import { type Config, Trunkd } from '../trunkd.ts';
import type { Protocol } from './quirk-case.ts';
import { registrationOf } from './quirk-part.ts';
import { PASSWORD } from './trial.ts';

type Registration = Readonly<Record<string, unknown>>;

interface IncidentVerdict {
  readonly id: string;
  readonly title: string;
  readonly protocol: Protocol;
  readonly flaws: readonly string[];
}

export interface Incidents {
  readonly registrations: readonly Registration[];
  /** To be called while the run is under way. */
  midway(): Promise<void>;
  /** The last thing of the run: takes registrations from the daemon, and kills it. */
  verdicts(
    trunkd: Trunkd,
    configOf: (isKept: (id: string) => boolean) => Config,
  ): Promise<readonly IncidentVerdict[]>;
  stop(): Promise<void>;
}

const PROTOCOLS: readonly Protocol[] = ['udp', 'tcp', 'tls'];
const KINDS = ['flush', 'unregister', 'restart'] as const;
type Kind = (typeof KINDS)[number];

const TITLES: Readonly<Record<Kind, string>> = {
  flush: 'Kamailio forgets a binding: there again with the next refresh, and never a lapse',
  unregister: 'taken out of the configuration: our binding is gone, that of another device stays',
  restart: 'the daemon is killed and started again: one binding, with another Call-ID',
};

const OTHER_DEVICE = 'sip:device@192.0.2.99:5060';
const userOf = (kind: Kind, protocol: Protocol): string => `kam-${kind}-${protocol}`;
const aorOf = (kind: Kind, protocol: Protocol): string =>
  `${userOf(kind, protocol)}@registrar.test`;

const isOf =
  (kind: Kind) =>
  (id: string): boolean =>
    PROTOCOLS.some((protocol) => id === userOf(kind, protocol));
const isNot = (kind: Kind) => (id: string) => !isOf(kind)(id);

export async function startIncidents(pki: Pki): Promise<Incidents> {
  const users = new Map(
    KINDS.flatMap((kind) =>
      PROTOCOLS.map((protocol) => [userOf(kind, protocol), PASSWORD] as const),
    ),
  );
  const tls = pki.filesOf('good');
  const kamailio = await Kamailio.start({ defines: ['MIN_EXP=5'], users, tls });
  const registrations = KINDS.flatMap((kind) => at(kamailio, kind));
  const forgotten = new Set<string>();
  return {
    registrations,
    midway: async () => {
      for (const protocol of PROTOCOLS) {
        const aor = aorOf('flush', protocol);
        // A refresh may come between.
        for (let tries = 0; tries < 3 && !forgotten.has(aor); tries += 1) {
          await kamailio.rpc('ul.rm', 'location', aor);
          if (!(await kamailio.dump()).has(aor)) forgotten.add(aor);
        }
        await kamailio.addBinding(aorOf('unregister', protocol), OTHER_DEVICE, 300);
      }
    },
    verdicts: async (trunkd, configOf) => [
      ...(await flushVerdicts(kamailio, forgotten)),
      ...(await unregisterVerdicts(kamailio, trunkd, configOf(isNot('unregister')))),
      ...(await restartVerdicts(kamailio, trunkd, configOf(isOf('restart')))),
    ],
    stop: () => kamailio.stop(),
  };
}

function at({ sipPort, tlsPort }: Kamailio, kind: Kind): readonly Registration[] {
  return PROTOCOLS.map((protocol) => {
    const user = userOf(kind, protocol);
    return registrationOf(user, protocol, protocol === 'tls' ? tlsPort : sipPort, {
      auth: { username: user, password: PASSWORD },
      // Long enough that nobody refreshes by chance while something is looked at.
      expires: kind === 'flush' ? 10 : 600,
    });
  });
}

const verdicts = (
  kind: Kind,
  flawsOf: (protocol: Protocol) => readonly string[],
): readonly IncidentVerdict[] =>
  PROTOCOLS.map((protocol) => ({
    ...{ id: `kamailio/${kind}`, title: TITLES[kind], protocol },
    flaws: flawsOf(protocol),
  }));

async function flushVerdicts(kamailio: Kamailio, forgotten: ReadonlySet<string>) {
  const dump = await kamailio.dump();
  return verdicts('flush', (protocol) => {
    const aor = aorOf('flush', protocol);
    if (!forgotten.has(aor)) return ['it was never forgotten'];
    const count = dump.get(aor)?.length ?? 0;
    return count === 1 ? [] : [`${count} bindings`];
  });
}

async function unregisterVerdicts(kamailio: Kamailio, trunkd: Trunkd, config: Config) {
  const before = await kamailio.dump();
  await trunkd.reload(config);
  const contacts = async (protocol: Protocol): Promise<readonly string[]> =>
    ((await kamailio.dump()).get(aorOf('unregister', protocol)) ?? []).map((one) => one.address);
  const left = new Map<Protocol, readonly string[]>();
  await eventually(
    async () => {
      for (const protocol of PROTOCOLS) left.set(protocol, await contacts(protocol));
      return [...left.values()].every((some) => some.length === 1);
    },
    { timeoutMs: 15_000 },
  ).catch(() => undefined);
  return verdicts('unregister', (protocol) => {
    const had = before.get(aorOf('unregister', protocol))?.length ?? 0;
    if (had !== 2) return [`${had} bindings before`];
    const now = left.get(protocol) ?? [];
    return now.length === 1 && now[0] === OTHER_DEVICE ? [] : [`left: ${now.join(', ')}`];
  });
}

async function restartVerdicts(kamailio: Kamailio, trunkd: Trunkd, config: Config) {
  const before = await kamailio.dump();
  trunkd.signal('SIGKILL');
  const again = await Trunkd.start(config);
  const bindingsOf = async (protocol: Protocol): Promise<readonly Binding[]> =>
    (await kamailio.dump()).get(aorOf('restart', protocol)) ?? [];
  const now = new Map<Protocol, readonly Binding[]>();
  const isNew = (protocol: Protocol): boolean => {
    const old = before.get(aorOf('restart', protocol))?.[0]?.callId;
    return now.get(protocol)?.some(({ callId }) => callId !== old) === true;
  };
  await eventually(
    async () => {
      for (const protocol of PROTOCOLS) now.set(protocol, await bindingsOf(protocol));
      return PROTOCOLS.every(isNew);
    },
    { timeoutMs: 15_000 },
  ).catch(() => undefined);
  await again.stop();
  return verdicts('restart', (protocol) => {
    if ((before.get(aorOf('restart', protocol))?.length ?? 0) !== 1) return ['not bound before'];
    const count = now.get(protocol)?.length ?? 0;
    if (count !== 1) return [`${count} bindings`];
    return isNew(protocol) ? [] : ['the same Call-ID'];
  });
}
