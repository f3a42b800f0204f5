/**
 * What is answered to a question for routes: the document of Kamailio's rtjson module (each branch with
 * its own Request-URI, next hop, From, To and header fields; what rtjson does not know it passes over), and
 * the same in plain words for everybody else.
 */
import type { RouteCredentials } from './credentials.ts';
import type { NoRouteReason, Routing } from './router.ts';
import type { Route } from './transform.ts';

type Found = Routing & { readonly kind: 'routes' };

interface Head {
  readonly contract: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly reason: { readonly code: string; readonly text: string } | null;
}

export interface RtjsonDocument extends Head {
  readonly success: true;
  readonly version: '1.0';
  readonly routing: 'serial';
  readonly routes: readonly RtjsonRoute[];
}

interface RtjsonRoute {
  readonly uri: string;
  readonly dst_uri: string;
  /** Route header fields, in brackets. */
  readonly path?: string;
  readonly headers: {
    readonly from: { readonly uri: string };
    readonly to: { readonly uri: string };
    /** Whole lines, each with its CR LF: rtjson puts them in as they are. */
    readonly extra?: string;
  };
  readonly peerServer: string;
  readonly target: string | null;
  readonly auth?: AuthDocument;
}

interface AuthDocument {
  readonly username: string;
  readonly realm: string | null;
  readonly ha1: string | null;
  readonly algorithm: string;
}

export interface PlainDocument extends Head {
  readonly routes: readonly PlainRoute[];
}

interface PlainRoute {
  readonly peerServer: string;
  readonly target: string | null;
  readonly priority: number;
  readonly lastResort: boolean;
  readonly requestUri: string;
  readonly nextHop: string;
  readonly route: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly auth?: AuthDocument;
}

/** Kamailio tries one route after the other; an empty list fails in rtjson_push_routes(). */
export function rtjsonDocument(found: Found): RtjsonDocument {
  return {
    success: true,
    version: '1.0',
    routing: 'serial',
    ...headOf(found),
    routes: found.routes.map((route) => rtjsonRoute(route, found.credentialsOf(route))),
  };
}

export function plainDocument(found: Found): PlainDocument {
  return {
    ...headOf(found),
    routes: found.routes.map((route) => plainRoute(route, found.credentialsOf(route))),
  };
}

function headOf({ pool, reason }: Found): Head {
  const { name: contract, metadata } = pool.contract;
  const why = reason === undefined ? null : { code: `route.${reason}`, text: REASONS[reason] };
  return { contract, metadata, reason: why };
}

function rtjsonRoute(route: Route, auth: RouteCredentials | undefined): RtjsonRoute {
  const { candidate, nextHop, target, requestUri, from, to, origin } = route;
  const extra = origin.map(({ name, value }) => `${name}: ${value}\r\n`).join('');
  return {
    uri: requestUri,
    dst_uri: nextHop,
    ...(candidate.path !== undefined && { path: candidate.path }),
    headers: { from: { uri: from }, to: { uri: to }, ...(extra !== '' && { extra }) },
    peerServer: candidate.id,
    target: target ?? null,
    ...(auth !== undefined && { auth: authDocument(auth) }),
  };
}

function plainRoute(route: Route, auth: RouteCredentials | undefined): PlainRoute {
  const { candidate, nextHop, target, requestUri, from, to, origin } = route;
  return {
    peerServer: candidate.id,
    target: target ?? null,
    priority: candidate.spec.priority,
    lastResort: candidate.isLastResort,
    requestUri,
    nextHop,
    route: candidate.spec.route ?? [],
    from,
    to,
    headers: origin,
    ...(auth !== undefined && { auth: authDocument(auth) }),
  };
}

function authDocument({ username, realm, ha1, algorithm }: RouteCredentials): AuthDocument {
  return { username, realm: realm ?? null, ha1: ha1 ?? null, algorithm };
}

/** For docs/errors.md, too. */
export const REASONS: Readonly<Record<NoRouteReason, string>> = {
  noServers: 'The contract has no peer servers.',
  noneEnabled:
    'No peer server of the contract is enabled, and none is offered as a last resort: `onAllDown: none`, or all are drained or off.',
  numberTooShort:
    'The called number is shorter than `requestUri.strip`, or nothing is left when that is taken from it.',
};
