/**
 * Other ways: through our own proxy (`via`), and calls that come down the flow of a registration and are relayed
 * (`inbound.forwardTo`). The provider is one Kamailio, our proxy another one, the called party sipp; each says what
 * reached it.
 */
import { ask } from '../ask.ts';
import { type Binding, Kamailio } from '../kamailio.ts';
import { OwnProxy } from '../own-proxy.ts';
import type { Pki } from '../pki.ts';
import { freePort } from '../processes.ts';
import { SippCall } from '../sipp-call.ts';
import { Trunkd } from '../trunkd.ts';
import type { Protocol } from './quirk-case.ts';
import { registrationOf } from './quirk-part.ts';
import { PASSWORD, type StateRow } from './trial.ts';
import { type CallBooks, flawsOfCall, flawsOfVia, WAY_TITLES, type WayId } from './way-judge.ts';

interface WayVerdict {
  readonly id: WayId;
  readonly title: string;
  readonly protocol: Protocol;
  readonly flaws: readonly string[];
}

export interface WayPart {
  /** For the daemon of the run. */
  readonly proxies: readonly unknown[];
  readonly registrations: readonly Readonly<Record<string, unknown>>[];
  /** Once the daemon of the run is there. */
  begin(trunkd: Trunkd): Promise<void>;
  /** Asked while everything still runs. */
  verdicts(rows: ReadonlyMap<string, StateRow>): Promise<readonly WayVerdict[]>;
  stop(): Promise<void>;
}

const PROTOCOLS: readonly Protocol[] = ['udp', 'tcp', 'tls'];
/** The name of our proxy in the configuration. */
export const OWN_PROXY = 'edge1';
const EXPIRES_SEC = 10;

const userOf = (way: 'via' | 'relay', protocol: Protocol): string => `way-${way}-${protocol}`;

export async function wayPart(pki: Pki): Promise<WayPart> {
  const users = new Map(
    (['via', 'relay'] as const).flatMap((way) =>
      PROTOCOLS.map((protocol) => [userOf(way, protocol), PASSWORD] as const),
    ),
  );
  const tls = pki.filesOf('good');
  const provider = await Kamailio.start({ defines: ['MIN_EXP=5', 'WITH_CALLS'], users, tls });
  const proxy = await OwnProxy.reserve(tls);
  const calls = new Map<Protocol, CallBooks>();
  let relaying: Trunkd | undefined;
  return {
    proxies: [proxy.entry],
    registrations: PROTOCOLS.map((protocol) => at(provider, 'via', protocol)),
    begin: async (trunkd) => {
      await proxy.start(trunkd.url);
      const callee = await freePort();
      relaying = await Trunkd.start(relayConfig(provider, pki, callee));
      await relaying.allBound(PROTOCOLS.length);
      for (const protocol of PROTOCOLS) calls.set(protocol, await call(provider, protocol, callee));
    },
    verdicts: async (rows) => [
      ...(await viaVerdicts(provider, proxy, rows)),
      ...PROTOCOLS.map((protocol) =>
        verdict('relay/call', protocol, flawsOfCall(calls.get(protocol))),
      ),
    ],
    stop: async () => {
      await relaying?.stop();
      await proxy.stop();
      await provider.stop();
    },
  };
}

function at({ sipPort, tlsPort }: Kamailio, way: 'via' | 'relay', protocol: Protocol) {
  const user = userOf(way, protocol);
  return registrationOf(user, protocol, protocol === 'tls' ? tlsPort : sipPort, {
    auth: { username: user, password: PASSWORD },
    expires: EXPIRES_SEC,
  });
}

function relayConfig(provider: Kamailio, pki: Pki, callee: number) {
  return {
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    inbound: { forwardTo: `sip:127.0.0.1:${callee}` },
    peeringContracts: [
      {
        name: 'relay',
        registrations: PROTOCOLS.map((protocol) => at(provider, 'relay', protocol)),
      },
    ],
  };
}

/** One call through the provider, from end to end. */
async function call(provider: Kamailio, protocol: Protocol, port: number): Promise<CallBooks> {
  const user = userOf('relay', protocol);
  const callee = await SippCall.listen('callee', port);
  const caller = await SippCall.call('caller', user, provider.sipPort);
  try {
    const results = await Promise.all([caller.result(), callee.result()]);
    const source = protocol === 'tls' ? provider.tlsPort : provider.sipPort;
    const requests = ['INVITE', 'ACK', 'BYE'].map((method) => callee.received(method));
    return { results, requests, source: `127.0.0.1:${source};transport=${protocol}`, user };
  } finally {
    await caller.stop();
    await callee.stop();
  }
}

async function viaVerdicts(
  provider: Kamailio,
  proxy: OwnProxy,
  rows: ReadonlyMap<string, StateRow>,
): Promise<readonly WayVerdict[]> {
  const dump = await provider.dump();
  const verdicts: WayVerdict[] = [];
  for (const protocol of PROTOCOLS) {
    const user = userOf('via', protocol);
    const bindings: readonly Binding[] = dump.get(`${user}@registrar.test`) ?? [];
    const flaws = flawsOfVia({
      ...{ protocol, bindings, place: proxy.hostPort, row: rows.get(user) },
      requests: provider.requests().filter((one) => one.user === user),
      lapses: provider.expired().filter((aor) => aor.startsWith(`${user}@`)).length,
    });
    verdicts.push(verdict('via/held', protocol, flaws));
    const final = await ask('127.0.0.1', provider.sipPort, '127.0.0.1', 'INVITE', user, [
      'Contact: <sip:caller@127.0.0.1:5060>',
    ]).catch(String);
    const from = await proxy.sourceOf(user).catch(String);
    const port = protocol === 'tls' ? provider.tlsPort : provider.sipPort;
    const isRight = /^SIP\/2\.0 486 /.test(final) && from === `${protocol}:127.0.0.1:${port}`;
    verdicts.push(verdict('via/call', protocol, isRight ? [] : [`${from}: ${final}`]));
  }
  return verdicts;
}

function verdict(id: WayId, protocol: Protocol, flaws: readonly string[]): WayVerdict {
  return { id, title: WAY_TITLES[id], protocol, flaws };
}
