/**
 * TLS against Kamailio, which judges: RFC 5922 identities, client certificates, and certificates that
 * are changed while everything runs. Identities: trunkd test corpus, kamailio/tls/mkcerts.sh.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultCode } from '../../src/core/base/fault.ts';
import { aLocalSocket, aTarget, aTlsPolicy, Edge } from '../support/edge.ts';
import { Kamailio } from '../support/kamailio.ts';
import { type IdentityName, makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { type Config, type LogLine, Trunkd } from '../support/trunkd.ts';

/** What RFC 5922 section 7 says of each, asked for `registrar.test`. */
const VERDICTS = {
  good: 'accepted',
  dnsonly: 'accepted',
  urionly: 'accepted',
  urimism: 'tls.identity',
  cnonly: 'accepted',
  wildcard: 'tls.identity',
  userpart: 'tls.identity',
  wrongname: 'tls.identity',
  expired: 'tls.expired',
  untrusted: 'tls.untrusted',
} as const satisfies { readonly [name in IdentityName]?: FaultCode | 'accepted' };
type Judged = keyof typeof VERDICTS;
const NAMES = Object.keys(VERDICTS) as readonly Judged[];

const USERS = Array.from({ length: 12 }, (_, index) => `tls${index}`);
const PASSWORD = 'a long password';

let pki: Pki;
let kamailio: Kamailio;

beforeAll(async () => {
  pki = await makePki([...NAMES, 'client']);
  const passwords = new Map(USERS.map((user) => [user, PASSWORD]));
  kamailio = await Kamailio.start({ users: passwords, tls: pki.filesOf('good') });
});

afterAll(async () => {
  await kamailio?.stop();
  pki?.remove();
});

describe('the identity of a server (RFC 5922)', () => {
  it.each(NAMES)('%s', async (name) => {
    await kamailio.useTls(pki.filesOf(name));
    const tls = { ca: pki.ca, certificate: undefined, key: undefined };
    const edge = await Edge.start([aLocalSocket('tls', { tls })]);
    try {
      const before = kamailio.requests().length;
      const target = aTarget('tls', kamailio.tlsPort);
      const result = await edge.open(target, { tls: aTlsPolicy() });
      expect(result.ok ? 'accepted' : result.fault.code).toBe(VERDICTS[name]);
      if (!result.ok) {
        expect(edge.transport.stats().octetsSent).toBe(0);
        expect(kamailio.requests()).toHaveLength(before);
        return;
      }
      edge.send(result.value, options(name));
      expect((await edge.hears(1))[0]?.wire).toMatch(/^SIP\/2\.0 200 /);
      // Its log comes by a pipe, and may be read after its answer.
      await eventually(() => kamailio.requests().length > before);
      expect(kamailio.requests().at(-1)).toMatchObject({ method: 'OPTIONS', protocol: 'tls' });
    } finally {
      await edge.stop();
    }
  });
});

function options(name: string): string {
  return [
    'OPTIONS sip:registrar.test SIP/2.0',
    'Via: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKx;rport',
    'Max-Forwards: 70',
    'From: <sip:x@registrar.test>;tag=1',
    'To: <sip:registrar.test>',
    `Call-ID: identity-${name}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n');
}

describe('a daemon whose registrar wants client certificates', () => {
  let trunkd: Trunkd;

  const config = (own: boolean): Config => ({
    localSockets: [
      {
        ...{ name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
        ...(own ? { certificate: 'own.pem', key: 'own.key' } : {}),
      },
    ],
    pacing: { perTarget: 0 },
    defaults: { registration: { expires: 3600, contact: '127.0.0.1:15090' } },
    peeringContracts: [
      {
        name: 'acme',
        registrations: USERS.map((username) => ({
          id: username,
          username,
          domain: 'registrar.test',
          auth: { password: PASSWORD },
          registrar: `sip:127.0.0.1:${kamailio.tlsPort};transport=tls`,
        })),
      },
    ],
  });

  const filesOf = (name: IdentityName) => {
    const { certificate, key } = pki.of(name);
    return { 'own.pem': certificate, 'own.key': key };
  };

  const command = async (id: string) => {
    const answer = await fetch(`${trunkd.url}/v1/registrations/${id}/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"command":"register"}',
    });
    expect(answer.status).toBe(202);
  };

  /** All of them try now, whatever the ladder of refusals says. */
  const tryAll = () => Promise.all(USERS.map(command));

  const rejectedWith = (code: string) =>
    eventually(
      async () => {
        const rows = await trunkd.registrations();
        return rows.every((row) => row.cause?.code === code && !row.bound);
      },
      { timeoutMs: 60_000, what: () => `everybody to be refused with ${code}` },
    );

  afterAll(async () => {
    await trunkd?.stop();
  });

  it('says exactly what is missing, and tries nothing weaker', async () => {
    await kamailio.useTls({ ...pki.filesOf('good'), wantsClient: true });
    const before = kamailio.requests().length;
    trunkd = await Trunkd.start(config(false));
    await rejectedWith('tls.ownCertificate');
    const { cause, state } = await trunkd.registration('tls0');
    expect(state).toBe('rejected');
    expect(cause?.text).toMatch(/does not take our certificate, or misses one/);
    expect(kamailio.requests().slice(before)).toEqual([]);
  });

  it('is told of a certificate of an authority that the registrar does not know', async () => {
    await trunkd.reload(config(true), filesOf('untrusted'));
    await tryAll();
    await eventually(async () => {
      const { cause } = await trunkd.registration('tls0');
      return cause?.text.includes('unknown ca') === true;
    });
  });

  it('registers with the right one, after a reload', async () => {
    const line = await trunkd.reload(config(true), filesOf('client'));
    expect(line).toMatchObject({ event: 'config.reloaded', unchanged: USERS.length });
    await tryAll();
    await trunkd.allBound(USERS.length);
    expect((await kamailio.dump()).size).toBe(USERS.length);
  });

  it('changes its certificate while it runs: nobody lapses, nothing is dropped', async () => {
    const ports = () => new Set(kamailio.requests().map(({ sourcePort }) => sourcePort));
    const before = ports();
    const lastOf = (lines: readonly LogLine[], user: string) =>
      lines.findLast(({ registration }) => registration === user);
    const { length: changes } = await trunkd.told('registration.changed', (lines) =>
      USERS.every((user) => lastOf(lines, user)?.bound === true),
    );
    expect(await trunkd.reload(config(true), filesOf('good'))).toMatchObject({
      event: 'config.reloaded',
    });
    await tryAll();
    await eventually(() => ports().size > before.size);
    await trunkd.allBound(USERS.length);
    expect((await kamailio.dump()).size).toBe(USERS.length);
    expect(kamailio.expired()).toEqual([]);
    expect(trunkd.lines('registration.changed')).toHaveLength(changes);
    const { items } = (await trunkd.get('/v1/certificates?role=own')) as {
      readonly items: readonly { readonly subject: string }[];
    };
    expect(items).toMatchObject([{ subject: 'CN=registrar.test' }]);
  });

  it('takes up files that change by themselves, once both fit together', async () => {
    const ownSubject = async () =>
      (
        (await trunkd.get('/v1/certificates?role=own')) as {
          readonly items: readonly { readonly subject: string }[];
        }
      ).items[0]?.subject;
    const write = (name: string, text: string) => writeFileSync(join(trunkd.directory, name), text);
    const files = filesOf('client');
    write('own.pem', files['own.pem']);
    await eventually(() => trunkd.lines('certificates.refused').length === 1, {
      timeoutMs: 30_000,
      what: () => 'a certificate without its key is refused',
    });
    expect(await ownSubject()).toBe('CN=registrar.test');
    write('own.key', files['own.key']);
    await eventually(() => trunkd.lines('certificates.renewed').length === 1, {
      timeoutMs: 30_000,
      what: () => 'both are taken up',
    });
    expect(await ownSubject()).not.toBe('CN=registrar.test');
    await tryAll();
    await trunkd.allBound(USERS.length);
    expect(trunkd.lines('config.reloaded')).toHaveLength(3);
  });

  it('keeps the old pair where the new one does not fit together', async () => {
    const mixed = { ...filesOf('client'), 'own.key': readFileSync(pki.of('good').keyFile, 'utf8') };
    expect(await trunkd.reload(config(true), mixed)).toMatchObject({
      event: 'config.reloadRefused',
      reason: 'sockets',
      text: expect.stringMatching(/key values mismatch/i),
    });
    await tryAll();
    await trunkd.allBound(USERS.length);
  });

  it('refuses a registrar that shows another certificate, and never asks it in the clear', async () => {
    await kamailio.useTls({ ...pki.filesOf('urimism'), wantsClient: true });
    const before = kamailio.requests().length;
    // New certificates of ours make new connections.
    await trunkd.reload(config(true), filesOf('good'));
    await tryAll();
    await eventually(async () => {
      const rows = await trunkd.registrations();
      return rows.every((row) => row.cause?.code === 'tls.identity');
    });
    expect((await trunkd.registration('tls0')).cause?.text).toContain(
      'The certificate names other.example, not registrar.test.',
    );
    expect(kamailio.requests().slice(before)).toEqual([]);
  });
});
