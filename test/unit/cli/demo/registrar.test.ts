/** The demo's registrar against the client's digest, which has its own proof: RFC vectors, and Kamailio. */
import { expect, it } from 'vitest';
import { Registrar } from '../../../../src/cli/demo/registrar.ts';
import { type DemoUser, DOMAIN, USERS } from '../../../../src/cli/demo/users.ts';
import { Secret } from '../../../../src/core/base/secret.ts';
import { DigestSession } from '../../../../src/core/sip/digest/session.ts';
import type { SipMessage } from '../../../../src/core/sip/message/message.ts';
import { parseMessage } from '../../../../src/core/sip/message/parse.ts';
import { response } from '../../../../src/core/sip/message/write.ts';
import { nodeHasher } from '../../../../src/net/hash.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

const URI = `sip:${DOMAIN}`;

function parsed(wire: string): SipMessage {
  const result = parseMessage(wire, 'datagram');
  if (!result.ok) throw new Error(result.reason);
  return result.message;
}

function register({ username }: DemoUser, credentials: string, expires = 60): SipMessage {
  return parsed(
    `REGISTER ${URI} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bK1\r\n` +
      `From: <sip:${username}@${DOMAIN}>;tag=1\r\nTo: <sip:${username}@${DOMAIN}>\r\n` +
      `Call-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <sip:${username}@127.0.0.1:5070>\r\n` +
      `Expires: ${expires}\r\n${credentials}Content-Length: 0\r\n\r\n`,
  );
}

/** What the registrar says, as a message. */
function answer(registrar: Registrar, request: SipMessage): SipMessage {
  const { status, phrase, lines } = registrar.answer(request);
  return parsed(response(request, status, phrase, { lines }));
}

function clientOf({ username }: DemoUser, password: string): DigestSession {
  const credentials = {
    username,
    password: new Secret(password),
    ha1: undefined,
    realm: undefined,
  };
  return new DigestSession(credentials, nodeHasher, new SeededRandom(1));
}

it.each([...USERS])('takes $username ($algorithm), and grants 20 s', (user) => {
  const registrar = new Registrar();
  const client = clientOf(user, user.password);
  const challenge = answer(registrar, register(user, ''));
  expect(challenge.status).toBe(401);
  client.accept(challenge);
  expect(client.algorithm).toBe(user.algorithm);

  const first = client.authorize('REGISTER', URI, '');
  const granted = answer(registrar, register(user, first));
  expect(granted.status).toBe(200);
  expect(granted.first('Contact')).toMatch(/;expires=20$/);

  // The same nonce again: with the next count it is a refresh, with the old one a replay.
  const refresh = client.authorize('REGISTER', URI, '');
  expect(answer(registrar, register(user, refresh)).status).toBe(200);
  const replayed = answer(registrar, register(user, first));
  expect(replayed.status).toBe(401);
  expect(replayed.first('WWW-Authenticate')).toContain('stale=true');

  client.accept(replayed);
  const removal = register(user, client.authorize('REGISTER', URI, ''), 0);
  const removed = answer(registrar, removal);
  expect([removed.status, removed.count('Contact')]).toEqual([200, 0]);
});

it('refuses a wrong password, without calling it stale', () => {
  const [user] = USERS;
  if (user === undefined) throw new Error('no users');
  const registrar = new Registrar();
  const client = clientOf(user, 'wrong');
  client.accept(answer(registrar, register(user, '')));
  const refused = answer(registrar, register(user, client.authorize('REGISTER', URI, '')));
  expect(refused.status).toBe(401);
  expect(refused.first('WWW-Authenticate')).not.toContain('stale');
});

it('does not know strangers', () => {
  const stranger: DemoUser = { username: 'stranger', password: '', algorithm: 'MD5' };
  expect(answer(new Registrar(), register(stranger, '')).status).toBe(404);
});
