/**
 * A thousand registrations at real registrars (Kamailio: UDP, TCP, TLS, MD5 and SHA-256), judged by what
 * Kamailio holds and by what reached it: all there, still there after three lifetimes, back after a
 * crash of the registrar, and never faster than the pacing allows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Binding,
  excessOver,
  Kamailio,
  mostExcess,
  withoutCopies,
} from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const EXPIRES_SEC = 20;
const PACING = { perTarget: 300, burst: 300 };
const CONTACT = '127.0.0.1:15090';

interface Account {
  readonly user: string;
  readonly password: string;
  readonly ddi: string;
  readonly where: 'udp' | 'tcp' | 'tls' | 'sha256';
}

const COUNTS = { udp: 1000, tcp: 50, tls: 50, sha256: 20 } as const;
const accounts: readonly Account[] = Object.entries(COUNTS).flatMap(([where, count]) =>
  Array.from({ length: count }, (_, index) => ({
    user: `${where}${index}`,
    // Some with characters that need an escape somewhere on the way.
    password: index % 10 === 0 ? `p"w\\${index}` : `secret-${where}-${index}`,
    ddi: `34-${where}-${index}`,
    where: where as Account['where'],
  })),
);
const at = (...where: readonly Account['where'][]): readonly Account[] =>
  accounts.filter((one) => where.includes(one.where));

let pki: Pki;
let md5: Kamailio;
let sha256: Kamailio;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  const tls = pki.filesOf('good');
  const defines = ['MIN_EXP=5', 'NONCE_EXPIRE=30'];
  const users = new Map(accounts.map(({ user, password }) => [user, password]));
  users.set('mistaken', 'the right one');
  md5 = await Kamailio.start({ defines, users, tls });
  sha256 = await Kamailio.start({ defines: [...defines, 'WITH_SHA256'], users, tls });
  trunkd = await Trunkd.start(config(), { files: { 'accounts.ndjson': bulkFile() } });
  await trunkd.allBound(accounts.length, 90_000);
});

afterAll(async () => {
  await trunkd?.stop();
  await md5?.stop();
  await sha256?.stop();
  pki?.remove();
});

function config(): Record<string, unknown> {
  return {
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    pacing: PACING,
    defaults: { registration: { expires: EXPIRES_SEC, contact: CONTACT } },
    peeringContracts: [
      {
        name: 'acme',
        registrationsFrom: 'accounts.ndjson',
        registrations: [
          {
            id: 'mistaken',
            username: 'mistaken',
            ddi: 'mistaken',
            domain: 'registrar.test',
            auth: { password: 'a wrong one' },
            registrar: registrarOf('udp'),
          },
        ],
      },
    ],
  };
}

function registrarOf(where: Account['where']): string {
  if (where === 'sha256') return `sip:127.0.0.1:${sha256.sipPort}`;
  if (where === 'tls') return `sip:127.0.0.1:${md5.tlsPort};transport=tls`;
  return `sip:127.0.0.1:${md5.sipPort};transport=${where}`;
}

function bulkFile(): string {
  const lines = accounts.map(({ user, password, ddi, where }) =>
    JSON.stringify({
      id: user,
      username: user,
      domain: 'registrar.test',
      ddi,
      auth: { password },
      registrar: registrarOf(where),
    }),
  );
  return `${lines.join('\n')}\n`;
}

/** Accounts that this registrar does not hold as it should. */
function wrongIn(
  dump: ReadonlyMap<string, readonly Binding[]>,
  expected: readonly Account[],
): readonly string[] {
  return expected.flatMap(({ user, ddi }) => {
    const contacts = dump.get(`${user}@registrar.test`) ?? [];
    const isRight =
      contacts.length === 1 && contacts[0]?.address.startsWith(`sip:${ddi}@${CONTACT}`);
    return isRight ? [] : [`${user}: ${JSON.stringify(contacts)}`];
  });
}

async function expectAllHeld(): Promise<void> {
  expect(wrongIn(await md5.dump(), at('udp', 'tcp', 'tls'))).toEqual([]);
  expect(wrongIn(await sha256.dump(), at('sha256'))).toEqual([]);
}

/** Requests over one protocol go to one target, so that each has its own allowance. */
function expectPaced(kamailio: Kamailio, ...protocols: readonly ('udp' | 'tcp' | 'tls')[]): void {
  for (const protocol of protocols) {
    const seen = kamailio.requests().filter((one) => one.protocol === protocol);
    expect(seen.length).toBeGreaterThan(50);
    const excess = excessOver(seen, PACING.perTarget, PACING.burst);
    expect(excess, `${seen.length} requests over ${protocol}`).toBeLessThanOrEqual(
      mostExcess(PACING.perTarget),
    );
  }
}

const ofMistaken = () => withoutCopies(md5.requests().filter(({ user }) => user === 'mistaken'));

describe('registrations at Kamailio', () => {
  it('are all held, each with its Contact', async () => {
    await expectAllHeld();
  });

  it('are rejected with a cause and a next attempt when the password is wrong', async () => {
    await eventually(async () => (await trunkd.registration('mistaken')).state === 'rejected');
    const row = await trunkd.registration('mistaken');
    expect(row).toMatchObject({ state: 'rejected', bound: false });
    expect(row.cause?.text).toMatch(/password|credentials/i);
    expect(Date.parse(row.nextAttemptAt ?? '')).toBeGreaterThan(Date.now() + 20_000);
    // One without credentials, two with: that is all that one attempt may cost.
    const seen = ofMistaken();
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(seen.length).toBeLessThanOrEqual(3);
    expect((await md5.dump()).has('mistaken@registrar.test')).toBe(false);
  });

  it('are all held after three lifetimes, without a lapse', async () => {
    const before = md5.requests().length;
    await sleep(3 * EXPIRES_SEC * 1000);
    await expectAllHeld();
    expect([...md5.expired(), ...sha256.expired()]).toEqual([]);
    expect(md5.requests().length - before).toBeGreaterThanOrEqual(
      2 * at('udp', 'tcp', 'tls').length,
    );
    expectPaced(md5, 'udp', 'tcp', 'tls');
    expectPaced(sha256, 'udp');
  });

  it('come back after the registrar was killed, no faster than the pacing allows', async () => {
    await md5.kill();
    await sleep(15_000);
    await md5.startAgain();
    const expected = at('udp', 'tcp', 'tls');
    let wrong: readonly string[] = [];
    await eventually(
      async () => {
        wrong = wrongIn(await md5.dump(), expected);
        return wrong.length === 0;
      },
      {
        timeoutMs: 120_000,
        everyMs: 1000,
        what: () => `all are back (${wrong.length} are not: ${wrong.slice(0, 5).join('; ')})`,
      },
    );
    expectPaced(md5, 'udp', 'tcp', 'tls');
    await trunkd.allBound(accounts.length);
    // The other registrar was not touched by any of this.
    expect(sha256.expired()).toEqual([]);
  });

  it('never cost more than the budget of a wrong password', () => {
    // Attempts at 0 and 60 s and, after a restart of the registrar, at most one more.
    const seen = ofMistaken();
    expect(seen.length).toBeLessThanOrEqual(9);
  });

  it('ends with 0 on SIGTERM, and leaves the bindings where they are', async () => {
    expect(await trunkd.stop()).toBe('0');
    await expectAllHeld();
    expect(trunkd.output).not.toMatch(/secret-udp-1\b|the right one|a wrong one/);
  });
});
