/** What the HTTP server may ask of the daemon: commands, and whether it lives and is ready. */
import type { FetchedRows } from '../observe/fetched-rows.ts';

/** What came of a reload; nothing was changed unless it says `applied`. */
export type ReloadReport =
  | {
      readonly kind: 'applied';
      /** Registrations. */
      readonly added: number;
      readonly changed: number;
      readonly removed: number;
      readonly unchanged: number;
      readonly peerServers: {
        readonly added: number;
        readonly changed: number;
        readonly removed: number;
      };
      readonly warnings: readonly string[];
      /** Changed keys that wait for a restart. */
      readonly restartNeeded: readonly string[];
    }
  /** The configuration has errors: each as `file:line:column: text`. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  /** It would drop too much; `force` overrules this. */
  | { readonly kind: 'refused'; readonly reason: string };

/** `idle`: known, but switched off or not probed, so that the command has nothing to do. */
export type CommandReply = 'accepted' | 'unknown' | 'idle';

export type ProxyCommand =
  | { readonly command: 'probe' }
  /** The proxy says that its connection to a target (`tcp:192.0.2.1:5060`) is closed. */
  | { readonly command: 'connectionClosed'; readonly target: string };

/** How many registrations are made again. */
export type ProxyReply = 'unknown' | { readonly registrations: number };

export interface RegistrationOrder {
  readonly command: 'up' | 'drain' | 'off' | 'unregister';
  readonly reason: string;
  /** Until the configuration counts again; undefined: until another order. */
  readonly forMs: number | undefined;
}

/** Over peer servers: one, or all of a contract. */
export interface AdminOrder {
  readonly command: 'up' | 'drain' | 'off';
  readonly reason: string;
  /** Until the configuration counts again; undefined: until another order. */
  readonly forMs: number | undefined;
}

/** Commands that change something; the daemon writes the audit line of each. */
export interface CommandPort {
  reload(force: boolean, origin: string): Promise<ReloadReport>;
  /** All registrations rest: no REGISTER is sent, bindings stay. `forMs` undefined: until `resume`. */
  pause(reason: string, forMs: number | undefined, origin: string): void;
  resume(origin: string): void;
  /** Registers at the next turn of the pacing. */
  register(id: string, origin: string): CommandReply;
  /** Switches a registration off or on, over the configuration. */
  order(id: string, order: RegistrationOrder, origin: string): CommandReply;
  /** Lets go of it: nothing is sent, and its binding stays as it is. */
  forget(id: string, reason: string, origin: string): CommandReply;
  /** Asks its registrar which bindings there are; undefined: the registration is unknown. */
  fetchBindings(id: string, origin: string): Promise<FetchedRows | undefined>;
  /** Nothing is disabled any more, until `thaw` or the end of its time. */
  freeze(reason: string, forMs: number | undefined, origin: string): void;
  /** False: nothing was frozen. */
  thaw(origin: string): boolean;
  /** Enables, drains or switches off a peer server, over the configuration. */
  orderPeerServer(id: string, order: AdminOrder, origin: string): CommandReply;
  /** The same for all servers of a contract. */
  orderContract(name: string, order: AdminOrder, origin: string): CommandReply;
  /** What calls to a peer server got. True: it is probed now. */
  observe(id: string, code: number, count: number, origin: string): boolean | 'unknown';
  /** Probes every target now. */
  probe(id: string, origin: string): CommandReply;
  /** Commands to, or news of, a SIP proxy of ours. */
  proxy(name: string, command: ProxyCommand, origin: string): ProxyReply;
}

export interface HealthPort {
  /** False when work does not move any more: a restart would help. */
  isAlive(): boolean;
  /** True from `ready` to the beginning of the stop. */
  isReady(): boolean;
  readonly phase: () => 'starting' | 'ready' | 'stopping';
}

/** One call that a proxy wants routed: `GET /v1/route`. */
export interface RouteQuestion {
  readonly contract: string;
  readonly to: string;
  readonly from: string;
  readonly key?: string | undefined;
  readonly domain?: string | undefined;
  readonly realm?: string | undefined;
  readonly format: 'rtjson' | 'plain';
}

export type RouteReply =
  | { readonly kind: 'unknownContract' }
  | { readonly kind: 'badParameter'; readonly parameter: string; readonly text: string }
  | { readonly kind: 'document'; readonly document: object };

/** Answered from memory. */
export interface RoutePort {
  /** `withCredentials`: who asks may see them. */
  route(question: RouteQuestion, withCredentials: boolean): RouteReply;
}

/** The list of a dispatcher of Kamailio, for who pulls it. */
export interface ListPort {
  /** Undefined while there is nothing to tell: an empty list would take all calls down. */
  dispatcherList(contracts: 'all' | readonly string[]): string | undefined;
}
