/** Consumers on virtual time: verdicts that a test makes up, and a Kamailio of a few lines. */

import { type Held, statesInList } from '../../src/consumers/dispatcher-list.ts';
import { RpcError } from '../../src/consumers/json-rpc.ts';
import type { ConsumerNews, ConsumerPorts, ContactOwner } from '../../src/consumers/ports.ts';
import type {
  ContractSnapshot,
  Freeze,
  PeerServerSnapshot,
} from '../../src/core/health/snapshot.ts';
import type { ContractSpec } from '../../src/core/health/spec.ts';
import { aPeerServer, aPeerServerSpec } from './fake-books.ts';
import { aContract } from './health/probe-lab.ts';
import { VirtualTime } from './virtual-time.ts';

export class VerdictLab {
  readonly time = new VirtualTime();
  readonly news: ConsumerNews[] = [];
  registrations: readonly ContactOwner[] = [];
  readonly files = new Map<string, string>();
  freeze: Freeze | undefined;
  readonly contractsByName = new Map<string, ContractSnapshot>();

  get ports(): ConsumerPorts {
    const { time, news, contractsByName, files } = this;
    const freeze = () => this.freeze;
    return {
      clock: time,
      timers: time.timers,
      book: {
        revision: { epoch: 7, sequence: 3 },
        get freeze() {
          return freeze();
        },
        contracts: () => contractsByName.keys(),
        contract: (name) => contractsByName.get(name),
      },
      files: {
        read: async (path) => files.get(path),
        write: async (path, text) => {
          files.set(path, text);
        },
        append: async (path, text) => {
          files.set(path, (files.get(path) ?? '') + text);
        },
      },
      hostId: 'this machine',
      registrations: () => this.registrations,
      proxySocket: (name) => (name === 'edge1' ? 'udp:203.0.113.9:5060' : undefined),
      wallMs: () => Date.parse('2026-01-02T03:04:05Z') + time.now(),
      tell: (one) => news.push(one),
    };
  }

  hold(
    name: string,
    servers: readonly PeerServerSnapshot[],
    more: Partial<ContractSpec> = {},
  ): void {
    const specs = servers.map(({ spec }) => spec);
    const spec = aContract(specs, { name, dispatcherSet: 1, ...more });
    this.contractsByName.set(name, {
      spec,
      enabled: 'all',
      offers: 'enabled',
      order: undefined,
      isPanic: false,
      peerServers: servers,
    });
  }

  /** Time passes, in steps in which answers that are under way come. */
  async pass(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 50) {
      this.time.run(50);
      await settle();
    }
  }
}

/** Lets promises go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A server with the given targets (the last number of 192.0.2.x), all up, or as the last two arguments say. */
export function aServer(
  name: string,
  hosts: readonly number[],
  more: Partial<PeerServerSnapshot> = {},
  state: 'up' | 'down' | 'unknown' = 'up',
): PeerServerSnapshot {
  const base = aPeerServer(`acme/${name}`);
  const [first] = base.targets;
  if (first === undefined) throw new Error('no target');
  const targets = hosts.map((host) => {
    const address = `192.0.2.${host}`;
    const at = { protocol: 'udp', address, port: 5060, family: 4 } as const;
    const enabled = (more.rank ?? 0) !== 2 && state !== 'down';
    return { ...first, target: `udp:${address}:5060`, at, state, enabled };
  });
  const spec = { ...aPeerServerSpec(`acme/${name}`), ...more.spec };
  return { ...base, weight: spec.weight, ...more, spec, targets };
}

/** The same, known by a name (or another host, or addresses that are configured). */
export function aNamedServer(
  hosts: readonly number[],
  more: Partial<PeerServerSnapshot> & { readonly isProbed?: boolean } = {},
  hop: Partial<PeerServerSnapshot['spec']['hop']> = { host: 'sip.acme.example' },
): PeerServerSnapshot {
  const { spec } = aServer('a', []);
  const { isProbed = true, ...rest } = more;
  const probe = isProbed ? spec.probe : { ...spec.probe, mode: 'off' as const };
  return aServer('a', hosts, { ...rest, spec: { ...spec, probe, hop: { ...spec.hop, ...hop } } });
}

/** What a Kamailio does with its dispatcher, its traps included. */
export class FakeKamailio {
  readonly calls: string[] = [];
  held: Held[] = [];
  /** What its list_file holds. */
  file: () => string = () => '';
  upSince = 'Monday';
  isDead = false;
  /** Lines with it are dropped in silence. */
  dislikes: string | undefined;
  reloadAllowedAt = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly rpc = async (method: string, params: readonly unknown[] | object): Promise<unknown> => {
    if (this.isDead) throw new Error('connect ECONNREFUSED');
    const args = params as readonly unknown[];
    if (method !== 'core.uptime' && method !== 'dispatcher.list' && method !== 'pv.shvSet') {
      this.calls.push(`${method.replace('dispatcher.', '')} ${args.join(' ')}`.trim());
    }
    switch (method) {
      case 'core.uptime':
        return { up_since: this.upSince };
      case 'dispatcher.list':
        return this.#list();
      case 'dispatcher.reload':
        this.#guardReload();
        this.load();
        return 'Ok';
      case 'dispatcher.add':
        this.#guardReload();
        this.held.push(heldOf(`${args[0]} ${args[1]} ${args[2]} ${args[3]} ${args[4]}`));
        return 'Ok';
      case 'dispatcher.remove':
        this.#guardReload();
        this.held = this.held.filter(({ set, uri }) => set !== args[0] || uri !== args[1]);
        return 'Ok';
      case 'dispatcher.set_duid_state':
        this.set(String(args[2]), String(args[0]));
        return 'Ok';
      default:
        throw new RpcError(method, 500, 'Method Not Found');
    }
  };

  /** As it does at its start, and at a reload. */
  load(): void {
    const lines = this.file()
      .split('\n')
      .filter((line) => /^\d/.test(line));
    this.held = lines.map(heldOf).filter(({ uri }) => !uri.includes(this.dislikes ?? '!'));
  }

  restart(): void {
    this.upSince = `${this.upSince}!`;
    this.reloadAllowedAt = 0;
    this.load();
  }

  set(duid: string, letter: string): void {
    const states = { a: 'active', i: 'inactive', d: 'disabled', t: 'trying' } as const;
    const state = states[letter as keyof typeof states];
    this.held = this.held.map((one) => (one.duid === duid ? { ...one, state } : one));
  }

  states(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.held.map(({ duid, state }) => [shortOf(duid), state]));
  }

  #guardReload(): void {
    if (this.#now() < this.reloadAllowedAt) {
      throw new RpcError('dispatcher.reload', 500, 'Ongoing reload');
    }
    this.reloadAllowedAt = this.#now() + 5_000;
  }

  #list(): unknown {
    if (this.held.length === 0) throw new RpcError('dispatcher.list', 500, 'No Destination Sets');
    const sets = new Map<number, Held[]>();
    for (const one of this.held) sets.set(one.set, [...(sets.get(one.set) ?? []), one]);
    const RECORDS = [...sets].map(([ID, held]) => ({
      SET: {
        ID,
        TARGETS: held.map(({ duid, uri, state, priority, weight, socket, mark }) => ({
          DEST: {
            ...{ URI: uri, FLAGS: `${state.charAt(0).toUpperCase()}X`, PRIORITY: priority },
            ATTRS: { BODY: `trunkd=${mark}`, DUID: duid, WEIGHT: weight, SOCKET: socket || null },
          },
        })),
      },
    }));
    return { NRSETS: sets.size, RECORDS };
  }
}

/** `acme/a@udp:192.0.2.1:5060` as `a1`. */
function shortOf(duid: string): string {
  return duid.replace(/^acme\/(.*)@udp:192\.0\.2\.(\d+):5060$/, '$1$2');
}

function heldOf(line: string): Held {
  const [set, uri = '', , priority, attributes = ''] = line.split(' ');
  const duid = /duid=([^;]+)/.exec(attributes)?.[1] ?? '';
  const weight = Number(/\bweight=(\d+)/.exec(attributes)?.[1]);
  const socket = /\bsocket=([^;]+)/.exec(attributes)?.[1] ?? '';
  const state = statesInList(line).get(duid) ?? 'active';
  const mark = /\btrunkd=([^;]+)/.exec(attributes)?.[1] ?? '';
  return { set: Number(set), duid, uri, state, priority: Number(priority), weight, socket, mark };
}
