/** The port of the API for calls: the router's answer as a document. */
import { plainDocument, rtjsonDocument } from '../core/routing/document.ts';
import type { Router } from '../core/routing/router.ts';
import type { RoutePort } from '../http/ports.ts';

export function routePort(router: Router): RoutePort {
  return {
    route: (question, withCredentials) => {
      const found = router.route(question, withCredentials);
      if (found.kind !== 'routes') return found;
      const document = question.format === 'plain' ? plainDocument(found) : rtjsonDocument(found);
      return { kind: 'document', document };
    },
  };
}
