/** docs/conformance.md can be trusted: what it cites is there, it holds every row, and its judges see faults. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DUTIES, verdictOn } from '../support/conformance/duty.ts';
import { FLAVOURS } from '../support/conformance/kamailio-flavours.ts';
import { type Lateness, LatenessWatch } from '../support/conformance/lateness.ts';
import { GIVEN_CASES, OWN_CASES, type QuirkReply } from '../support/conformance/quirk-case.ts';
import { judge } from '../support/conformance/quirk-judge.ts';
import { wireOf } from '../support/conformance/quirk-render.ts';
import { newLog, type SeenMessage, seenMessage } from '../support/conformance/seen.ts';
import { SIPP_CASES } from '../support/conformance/sipp-cases.ts';
import { isStunRequest, stunAnswer } from '../support/conformance/stun.ts';
import type { Aftermath, StateRow, Trial } from '../support/conformance/trial.ts';
import {
  flawsOfCall,
  flawsOfVia,
  type ViaBooks,
  WAY_TITLES,
} from '../support/conformance/way-judge.ts';
import { WIRE_RULES } from '../support/conformance/wire-rules.ts';
import type { Binding, SeenRequest } from '../support/kamailio.ts';

const TEST = join(import.meta.dirname, '..');
const page = readFileSync(join(TEST, '../docs/conformance.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| '));
const rowOf = (id: string): string | undefined => rows.find((row) => row.startsWith(`| ${id} |`));

describe('docs/conformance.md', () => {
  it('has a row for each duty and each case', () => {
    const ids = [
      ...DUTIES.map(({ id }) => id),
      ...[...GIVEN_CASES, ...OWN_CASES].map(({ id }) => id),
      ...Object.keys(SIPP_CASES).map((name) => `sipp/${name}`),
      ...FLAVOURS.map(({ id }) => `kamailio/${id}`),
      ...WIRE_RULES.map(({ id }) => id),
      ...Object.keys(WAY_TITLES),
    ];
    expect(ids.length).toBeGreaterThan(250);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => rowOf(id) === undefined)).toEqual([]);
  });

  it('has no row that fails', () => {
    expect(rows.length).toBeGreaterThan(250);
    expect(rows.filter((row) => row.includes('FAIL'))).toEqual([]);
  });

  it('cites only cases that it has, and tests that are there', () => {
    const cases = DUTIES.flatMap((duty) => duty.cases);
    expect(cases.filter((id) => rowOf(id) === undefined)).toEqual([]);
    const files = DUTIES.flatMap((duty) => duty.tests);
    expect(files.filter((file) => !existsSync(join(TEST, file)))).toEqual([]);
  });

  it('passes every duty only where every case passes', () => {
    const [duty] = DUTIES.filter(({ cases }) => cases.length > 1);
    const cases = duty?.cases ?? [];
    const all = new Map(cases.map((id) => [id, true] as const));
    expect(duty && verdictOn(duty, all)).toBe('pass');
    expect(duty && verdictOn(duty, new Map([...all, [cases[0] ?? '', false]]))).toMatch(/^FAIL/);
    expect(duty && verdictOn(duty, new Map())).toMatch(/not run/);
    expect(duty && verdictOn({ ...duty, cases: [], tests: [] }, all)).toMatch(/nothing shows/);
  });
});

function register(parts: Readonly<Record<string, string>> = {}): string {
  const fields = {
    Via: 'SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bK1',
    'Max-Forwards': '70',
    From: '<sip:alice-x-udp@registrar.test>;tag=t1',
    To: '<sip:alice-x-udp@registrar.test>',
    'Call-ID': 'c1',
    CSeq: '1 REGISTER',
    Contact: '<sip:alice-x-udp@127.0.0.1:15090>',
    Expires: '600',
    ...parts,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return `${['REGISTER sip:registrar.test SIP/2.0', ...lines].join('\r\n')}\r\n\r\n`;
}

const seen = (atMs: number, step: number, parts: Readonly<Record<string, string>> = {}) => ({
  ...seenMessage(register(parts), atMs, '127.0.0.1:5070'),
  step,
});

const second = { Via: 'SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bK2', CSeq: '2 REGISTER' };

function trial(expectation: object, messages: readonly SeenMessage[], steps = 1): Trial {
  const log = newLog();
  log.messages.push(...messages);
  return {
    ...{ id: 'x', title: '', protocol: 'udp', registration: 'alice-x-udp', policy: undefined },
    ...{ expect: { ...expectation }, steps, log },
  };
}

function aftermath(row: Partial<StateRow> = {}): Aftermath {
  const whole: StateRow = {
    ...{ id: 'alice-x-udp', state: 'registered', bound: true, contact: null },
    ...{ grantedExpires: 40, nextAttemptAt: null, cause: null },
    ...row,
  };
  const rows = new Map([[whole.id, whole]]);
  return { rows, elsewhere: [], isAlive: true, bugs: 0, grownMib: 1, lateness: PUNCTUAL };
}

const PUNCTUAL: Lateness = { earliest: (atMs) => atMs, daemonMs: 0 };
/** Copies of one request at these seconds. */
const copiesAt = (...seconds: number[]) => seconds.map((second) => seen(second * 1000, 0));
const SILENCE = [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5];

const aStream = (one: Trial): Trial => ({ ...one, protocol: 'tcp' });

const WRONG_DIGEST =
  'Digest username="alice", realm="r", nonce="n", uri="sip:registrar.test", response="00"';

describe('the judge of a quirk', () => {
  it('passes what is as it should be', () => {
    const good = trial({ registered: true, expires: 40, requests: 1 }, [seen(0, 0)]);
    expect(judge(good, aftermath())).toEqual([]);
  });

  it.each<[string, Trial, Aftermath]>([
    ['an unknown word', trial({ surprise: 1 }, [seen(0, 0)]), aftermath()],
    ['silence', trial({}, []), aftermath()],
    ['unbound', trial({ registered: true }, [seen(0, 0)]), aftermath({ bound: false })],
    ['bound', trial({ registered: false }, [seen(0, 0)]), aftermath()],
    ['expires', trial({ expires: 45 }, [seen(0, 0)]), aftermath()],
    ['too many', trial({ requests: 1 }, [seen(0, 0), seen(9, 0, second)]), aftermath()],
    [
      'too many in time',
      trial({ requestsMax: 1, withinS: 5 }, [seen(0, 0), seen(4000, 0, second)]),
      aftermath(),
    ],
    ['too late', trial({ withinS: 1 }, [seen(0, 0), seen(2000, 1, second)], 2), aftermath()],
    [
      'too early',
      trial({ secondRequestAfterS: [3, 6] }, [seen(0, 0), seen(2000, 0, second)]),
      aftermath(),
    ],
    [
      'too close',
      trial({ gapsAtLeastS: { from: 0, seconds: 2 } }, [seen(0, 0), seen(900, 0, second)]),
      aftermath(),
    ],
    ['copies', trial({ copiesAtS: [0, 0.5, 1.5] }, [seen(0, 0), seen(3500, 0)]), aftermath()],
    ['a copy too early', trial({ copiesAtS: SILENCE }, copiesAt(0, 0.5, 1.5, 3.0)), aftermath()],
    [
      'a copy too late',
      trial({ copiesAtS: SILENCE }, copiesAt(0, 0.5, 1.5, 3.5, 11, 15, 19, 23, 27, 31)),
      aftermath(),
    ],
    [
      'copies that end early',
      trial({ copiesAtS: SILENCE }, copiesAt(...SILENCE.slice(0, 8))),
      aftermath(),
    ],
    [
      'a copy after Timer F',
      trial({ copiesAtS: SILENCE }, copiesAt(...SILENCE, 35.5)),
      aftermath(),
    ],
    ['a copy on a stream', aStream(trial({ copiesAtS: SILENCE }, copiesAt(0, 0.5))), aftermath()],
    ['Basic', trial({ never: 'Basic' }, [seen(0, 0, { Authorization: 'Basic x' })]), aftermath()],
    ['a wrong digest', trial({}, [seen(0, 0, { Authorization: WRONG_DIGEST })]), aftermath()],
    ['no credentials', trial({ auth: { nonce: 'n' } }, [seen(0, 0)]), aftermath()],
    ['a crash', trial({ mustNotCrash: true }, [seen(0, 0)]), { ...aftermath(), bugs: 1 }],
    ['memory', trial({ memoryBounded: true }, [seen(0, 0)]), { ...aftermath(), grownMib: 500 }],
    ['no answer', trial({ answersOptions: 200 }, [seen(0, 0)]), aftermath()],
    ['nowhere', trial({ goesTo: '127.0.0.1:15072' }, [seen(0, 0)]), aftermath()],
    [
      'the granted value asked for',
      trial({ requestedExpiresStaysConstant: true }, [
        seen(0, 0),
        seen(1, 0, { ...second, Expires: '9' }),
        seen(2, 0, { Via: 'SIP/2.0/UDP h;branch=z9hG4bK3' }),
      ]),
      aftermath(),
    ],
  ])('sees %s', (_, one, after) => {
    expect(judge(one, after)).not.toEqual([]);
  });
});

describe('the judge of times', () => {
  const silence = (...seconds: number[]) => trial({ copiesAtS: SILENCE }, copiesAt(...seconds));

  it('passes copies in time, and one on a stream', () => {
    expect(judge(silence(...SILENCE), aftermath())).toEqual([]);
    // Each is armed when the one before went out, so that lateness adds up to the last one's cost.
    const late = [0, 0.6, 1.7, 3.8, 7.9, 12.5, 16.6, 20.7, 25, 29.2];
    expect(judge(silence(...late), aftermath())).toEqual([]);
    expect(judge(aStream(silence(0)), aftermath())).toEqual([]);
  });

  it('forgives what the daemon was kept from, and nothing else', () => {
    const starved = [0, 0.5, 1.5, 3.5, 12, 16, 20, 24, 28];
    expect(judge(silence(...starved), aftermath())).not.toEqual([]);
    const lateness = { ...PUNCTUAL, daemonMs: 5_000 };
    expect(judge(silence(...starved), { ...aftermath(), lateness })).toEqual([]);
  });

  it('forgives what it was kept from reading itself', () => {
    let now = 0;
    const watch = new LatenessWatch(() => now);
    const pass = (ms: number): void => {
      now += ms;
      watch.tick();
    };
    for (let ticks = 0; ticks < 3; ticks += 1) pass(20);
    const before = now;
    pass(2_000);
    const lateness = watch.end('trunkd_event_loop_lag_seconds 0.25\n');
    expect(lateness.daemonMs).toBe(250);
    expect(lateness.earliest(before - 30)).toBe(before - 30);
    expect(lateness.earliest(now)).toBeLessThanOrEqual(before);
    // Read late, it seems too close to the next.
    const quick = trial({ gapsAtLeastS: { from: 0, seconds: 2 } }, [
      seen(now, 0),
      seen(now + 1_000, 0, second),
    ]);
    expect(judge(quick, { ...aftermath(), lateness })).toEqual([]);
    expect(judge(quick, aftermath())).not.toEqual([]);
  });
});

describe('the rules of what is sent', () => {
  const flaws = (...messages: readonly SeenMessage[]): readonly string[] =>
    WIRE_RULES.filter(({ check }) => check(trial({}, messages)).length > 0).map(({ id }) => id);

  it('pass two sound requests', () => {
    expect(flaws(seen(0, 0), seen(9, 0, second))).toEqual([]);
  });

  it.each([
    ['wire/form', seen(0, 0, { 'Max-Forwards': '69' })],
    ['wire/copies', seen(9, 0, { 'User-Agent': 'other' })],
    ['wire/sequence', seen(9, 0, { ...second, CSeq: '3 REGISTER' })],
    ['wire/call-id', seen(9, 0, { ...second, 'Call-ID': 'c2' })],
    ['wire/addresses', seen(9, 0, { ...second, To: '<sip:bob@registrar.test>' })],
    ['wire/rport', seen(9, 0, { ...second, Via: 'SIP/2.0/UDP h;branch=z9hG4bK2' })],
    ['wire/credentials', seen(9, 0, { ...second, Authorization: 'Digest a="b", Digest c="d"' })],
    ['wire/nc', seen(9, 0, { ...second, Authorization: 'Digest nonce="n", nc=00000003' })],
    ['wire/not-sent', seen(9, 0, { ...second, Route: '<sip:a;lr>' })],
  ])('%s', (id, message) => {
    expect(flaws(seen(0, 0), message)).toContain(id);
  });
});

describe('the judges of Kamailio', () => {
  it.each(FLAVOURS)('$id sees that nothing was registered', ({ judge: judgeBooks }) => {
    const row: StateRow = {
      ...{ id: 'x', state: 'waiting', bound: false, contact: null, grantedExpires: null },
      ...{ nextAttemptAt: null, cause: null },
    };
    const nothing = { bindings: [], requests: [], refusals: 0, lapses: 0, row };
    expect(judgeBooks(nothing)).not.toEqual([]);
  });
});

describe('the judges of other ways', () => {
  const request: SeenRequest = {
    ...{ atSec: 0, method: 'REGISTER', protocol: 'udp', sourceAddress: '127.0.0.2' },
    ...{ sourcePort: 5060, hasRoute: false, callId: 'c', cseq: '1 REGISTER', user: 'u' },
    ...{ isAuthorized: true, credentials: 'x' },
  };
  const binding: Binding = {
    ...{ aor: 'u@registrar.test', address: 'sip:u@127.0.0.2:5060', callId: 'c', cseq: 1 },
    ...{ expires: '9', socket: '', received: '', instance: '', regId: 0, path: '' },
  };
  const books: ViaBooks = {
    ...{ protocol: 'udp', place: '127.0.0.2:5060', bindings: [binding], lapses: 0 },
    requests: Array.from({ length: 9 }, () => request),
    row: aftermath().rows.get('alice-x-udp'),
  };

  it('pass what is as it should be', () => {
    expect(flawsOfVia(books)).toEqual([]);
    expect(flawsOfVia({ ...books, requests: [...books.requests] })).toEqual([]);
  });

  it.each<[string, Partial<ViaBooks>]>([
    ['no binding', { bindings: [] }],
    ['another Contact', { bindings: [{ ...binding, address: 'sip:u@127.0.0.1:5060' }] }],
    ['too few requests', { requests: [request] }],
    ['another source', { requests: [...books.requests, { ...request, sourceAddress: '::1' }] }],
    ['another port', { requests: [...books.requests, { ...request, sourcePort: 5061 }] }],
    ['a Route', { requests: [...books.requests, { ...request, hasRoute: true }] }],
    ['another transport', { requests: [...books.requests, { ...request, protocol: 'tcp' }] }],
    ['a lapse', { lapses: 1 }],
    ['no row', { row: undefined }],
  ])('see %s', (_, flaw) => {
    expect(flawsOfVia({ ...books, ...flaw })).not.toEqual([]);
  });

  it('see what is wrong with a call', () => {
    const told = 'X-Trunkd-Source: s\nX-Trunkd-Registration: u\n';
    const good = {
      results: ['0', '0'],
      requests: [[told], [told], [told]],
      source: 's',
      user: 'u',
    };
    expect(flawsOfCall(good)).toEqual([]);
    expect(flawsOfCall(undefined)).not.toEqual([]);
    expect(flawsOfCall({ ...good, results: ['0', '255'] })).not.toEqual([]);
    expect(flawsOfCall({ ...good, requests: [[told], [], [told]] })).not.toEqual([]);
    expect(flawsOfCall({ ...good, requests: [[told], ['BYE'], [told]] })).not.toEqual([]);
    expect(flawsOfCall({ ...good, requests: [[told + told], [told], [told]] })).not.toEqual([]);
  });
});

describe('the player', () => {
  it('answers STUN with the address that it is told', () => {
    const request = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
    expect(isStunRequest(request)).toBe(true);
    expect(isStunRequest(Buffer.from('OPTIONS sip:a SIP/2.0'))).toBe(false);
    // RFC 5769 section 2.2 has the same address and port.
    const answer = stunAnswer(request, '192.0.2.1', 32_853).toString('hex');
    expect(answer).toBe('0101000c2112a442000102030405060708090a0b00200008' + '0001a147e112a643');
  });

  const render = (reply: QuirkReply): string =>
    wireOf(reply, seenMessage(register(), 0, ''), {
      ...{ port: 15070, sourceAddress: '127.0.0.1', sourcePort: 5070, count: 7 },
    }).toString('latin1');

  it('fills in what it was sent', () => {
    expect(render({ raw: '{VIA}\n{TO}\n{CT}' })).toBe(
      'Via: SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bK1\r\nTo: <sip:alice-x-udp@registrar.test>;tag=q1\r\n<sip:alice-x-udp@127.0.0.1:15090>',
    );
    expect(render({ raw: '{VIA_RPORT:203.0.113.7:4{N4}}' })).toBe(
      'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport=40007;received=203.0.113.7',
    );
    expect(render({ raw: '{VIA_UP} {PORT} {N}' })).toContain('branch=Z9HG4BK1 15070 7');
  });

  it('cuts, repeats and ends lines as the case says', () => {
    expect(render({ raw: 'a\nb', cut: 3 })).toBe('a\r\n');
    expect(render({ raw: 'a\n', eol: 'lf', repeat: 2 })).toBe('a\na\n');
    expect(render({ b64: 'AAE=' })).toBe('\0\u0001');
  });
});
