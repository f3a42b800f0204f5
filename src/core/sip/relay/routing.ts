/**
 * What the Route header fields of a request say, once what is ours has been taken out of them: RFC 3261
 * sections 16.4 (a strict router put our URI into the Request-URI) and 16.6, item 6 (the next hop is one).
 * Pure.
 */
import { parseNameAddr, splitList } from '../header/name-addr.ts';
import type { SipMessage } from '../message/message.ts';
import { parseUri, unescapeUri } from '../message/uri.ts';
import { isRequestUri } from '../message/validate.ts';
import type { FlowRef, FlowTokens } from './flow-token.ts';

export interface Routing {
  readonly requestUri: string;
  /** Values of the Route header fields as they have to leave. */
  readonly routes: readonly string[];
  /** False where Route and Request-URI may leave as they came. */
  readonly isChanged: boolean;
  /** What our own Record-Route said when the dialog began; undefined: the request names none of ours. */
  readonly token: FlowRef | undefined;
}

/** `forbidden`: a token of ours that was tampered with (RFC 5626 section 5.3.1). */
export type RoutingFlaw = 'badRoute' | 'forbidden';

/** Routes that one request may have; our own limit. */
const MAX_ROUTES = 64;

export function routingOf(request: SipMessage, tokens: FlowTokens): Routing | RoutingFlaw {
  const all = request.all('Route').flatMap(splitList);
  if (all.length > MAX_ROUTES) return 'badRoute';
  const taken = takeOwn(request.requestUri, all, tokens);
  if (typeof taken === 'string') return taken;
  const { token } = taken;
  let { requestUri, routes } = taken;
  const strict = strictRouter(routes[0]);
  if (strict !== undefined) {
    routes = [...routes.slice(1), `<${requestUri}>`];
    requestUri = strict;
  }
  const isChanged = routes.length !== all.length || requestUri !== request.requestUri;
  // What was a Route may hold what a Request-URI must not.
  if (isChanged && !isRequestUri(requestUri)) return 'badRoute';
  return { requestUri, routes, isChanged, token };
}

/** Takes our own URIs off: that which a strict router made the Request-URI, and those on top. */
function takeOwn(
  uri: string,
  all: readonly string[],
  tokens: FlowTokens,
): Omit<Routing, 'isChanged'> | RoutingFlaw {
  const inUri = tokenIn(uri, tokens);
  if (inUri === 'mangled') return 'forbidden';
  // Section 16.4: the true Request-URI is the last Route.
  const requestUri = inUri === undefined ? uri : uriOf(all.at(-1));
  if (requestUri === undefined) return 'badRoute';
  const routes = inUri === undefined ? all : all.slice(0, -1);
  let token = inUri;
  for (const [index, route] of routes.entries()) {
    const routeUri = uriOf(route);
    if (routeUri === undefined) return 'badRoute';
    const own = tokenIn(routeUri, tokens);
    if (own === 'mangled') return 'forbidden';
    if (own === undefined) return { requestUri, routes: routes.slice(index), token };
    token ??= own;
  }
  return { requestUri, routes: [], token };
}

function tokenIn(uri: string, tokens: FlowTokens): FlowRef | 'mangled' | undefined {
  const { user } = parseUri(uri) ?? {};
  return user === undefined ? undefined : tokens.readUser(unescapeUri(user));
}

function uriOf(route: string | undefined): string | undefined {
  return route === undefined ? undefined : parseNameAddr(route)?.uri;
}

/** The URI of a next hop without `lr`, which wants to be the Request-URI. */
function strictRouter(route: string | undefined): string | undefined {
  const uri = uriOf(route);
  const parsed = uri === undefined ? undefined : parseUri(uri);
  return parsed === undefined || parsed.params.has('lr') ? undefined : uri;
}
