import { describe, expect, it } from 'vitest';
import { type OwnMarks, ownBinding } from '../../../../src/core/registration/binding.ts';
import { FactsPool } from '../../../../src/core/registration/binding-facts.ts';
import { parseMessage } from '../../../../src/core/sip/message/parse.ts';
import { aResponse } from '../../../support/registration/answers.ts';

const OURS = 'sip:d1@203.0.113.10:5060';
const INSTANCE = 'urn:uuid:00000000-0000-8000-8000-000000000001';
const WITH_OFFER = { offer: () => ({ instance: INSTANCE, regId: 1 }) };

function found(contacts: readonly string[], marks: Partial<OwnMarks> = {}, askedSec = 600) {
  const lines = contacts.map((contact) => `Contact: ${contact}`);
  return ownBinding(aResponse(200, lines), { contactUri: OURS, ...marks }, askedSec);
}

const params = (instance: string, regId?: number) =>
  `;+sip.instance="<${instance}>"${regId === undefined ? '' : `;reg-id=${regId}`}`;

describe('the ladder', () => {
  it('1: instance and reg-id, whatever the URI has become', () => {
    const contacts = [
      `<sip:d1@203.0.113.10:5060>;expires=11${params('urn:uuid:other', 1)}`,
      `<sip:x@198.51.100.7>;expires=22${params(INSTANCE, 2)}`,
      `<sip:y@198.51.100.8>;expires=33${params(INSTANCE, 1)}`,
    ];
    expect(found(contacts, WITH_OFFER)).toMatchObject({ grantedSec: 33, match: 'rewritten' });
  });

  it('1: an instance without reg-id is ours, where the registrar keeps none', () => {
    const contacts = [
      `<${OURS}>;q=1;expires=44${params(INSTANCE)}`,
      '<sip:d1@192.0.2.7>;expires=9',
    ];
    expect(found(contacts, WITH_OFFER)).toMatchObject({ grantedSec: 44, match: 'own' });
  });

  it('1: the Contact of another instance is never ours', () => {
    const only = [`<sip:d1@198.51.100.7>;expires=300${params('urn:uuid:other', 1)}`];
    expect(found(only, WITH_OFFER)).toBeUndefined();
    expect(found(only)).toMatchObject({ match: 'rewritten' });
  });

  it('2: the same URI: host in any case, default port, order of parameters', () => {
    const marks = { contactUri: 'sip:d1@PBX.example:5060;a=1;b=2' };
    const contacts = ['<sip:d1@pbx.EXAMPLE;b=2;a=1>;expires=50', '<sip:d1@192.0.2.1>;expires=20'];
    expect(found(contacts, marks)).toMatchObject({ grantedSec: 50, match: 'own' });
  });

  it('2: a Contact with bnc is that of the whole PBX, one without is not', () => {
    const marks = { contactUri: 'sip:203.0.113.10:5060;bnc' };
    const contacts = ['<sip:203.0.113.10:5060>;expires=20', '<sip:203.0.113.10;bnc>;expires=70'];
    expect(found(contacts, marks)).toMatchObject({ grantedSec: 70, match: 'own' });
  });

  it('3: our line, before our user', () => {
    const marks = { contactUri: `${OURS};line=t7`, line: 't7' };
    const contacts = ['<sip:d1@192.0.2.1>;expires=20', '<sip:z@192.0.2.2;line=t7>;expires=60'];
    expect(found(contacts, marks)).toMatchObject({ grantedSec: 60, match: 'rewritten' });
  });

  it('3: our user, if one Contact has it', () => {
    const contacts = ['<sip:d1@198.51.100.7:40000>;expires=60', '<sip:bob@192.0.2.5>;expires=30'];
    expect(found(contacts)).toMatchObject({ grantedSec: 60, match: 'rewritten' });
  });

  it('4: of several with our user the one at the address that we advertise', () => {
    const contacts = [
      '<sip:d1@192.0.2.44:5060>;expires=20',
      '<sip:d1@203.0.113.10:5060;user=phone>;expires=90',
    ];
    expect(found(contacts)).toMatchObject({ grantedSec: 90, match: 'rewritten' });
  });

  it('4: or at the address where the registrar saw us', () => {
    const lines = [
      'Contact: <sip:d1@198.51.100.7:4000>;expires=20, <sip:d1@198.51.100.7:4001>;expires=80',
    ];
    const response = aResponse(200, lines);
    const wire = response.text.replace(';branch', ';received=198.51.100.7;rport=4001;branch');
    const parsed = parseMessage(wire, 'datagram');
    if (!parsed.ok) throw new Error('unreadable');
    expect(ownBinding(parsed.message, { contactUri: OURS }, 600)).toMatchObject({ grantedSec: 80 });
    expect(ownBinding(response, { contactUri: OURS }, 600)).toBeUndefined();
  });

  it('5: of several with a user that nobody else has, the shortest', () => {
    const contacts = ['<sip:d1@192.0.2.1>;expires=70', '<sip:d1@192.0.2.2>;expires=40'];
    expect(found(contacts, { isOwnUser: true })).toMatchObject({
      grantedSec: 40,
      match: 'shortest',
    });
    expect(found(contacts)).toBeUndefined();
  });

  it('6: the only Contact, if it is believable', () => {
    expect(found(['<sip:x7f@192.0.2.1>;expires=300'])).toMatchObject({ match: 'rewritten' });
    expect(found(['<sip:x7f@192.0.2.1>;expires=7'])).toBeUndefined();
    expect(found(['<tel:+4912345>;expires=300'])).toMatchObject({ match: 'rewritten' });
  });

  it.each([
    ['nothing', []],
    ['an empty field', ['']],
    ['a star', ['*']],
    ['commas', [',,,']],
    ['broken brackets', ['<sip:d1@203.0.113.10:5060;expires=70']],
    ['others only', ['<sip:a@192.0.2.4>;expires=60', '<sip:b@192.0.2.5>;expires=30']],
    ['ours with no time left', [`<${OURS}>;expires=0`]],
  ])('none in %s', (_, contacts) => {
    expect(found(contacts)).toBeUndefined();
  });
});

describe('several Contacts of ours', () => {
  const MORE = { moreUris: ['sip:d1@203.0.113.11:5060', 'sip:d1@203.0.113.12:5060'] };

  it('are bound as long as the shortest of them, and none of them is foreign', () => {
    const contacts = [
      `<${OURS}>;expires=90`,
      '<sip:d1@203.0.113.11>;expires=50',
      '<sip:d1@203.0.113.12:5060>;expires=70',
    ];
    expect(found(contacts, MORE)).toMatchObject({
      grantedSec: 50,
      match: 'own',
      listing: { otherCount: 0, missing: [] },
    });
  });

  it('are told where one is not stored', () => {
    expect(found([`<${OURS}>;expires=90`], MORE)?.listing?.missing).toEqual(MORE.moreUris);
  });
});

describe('bindings of others', () => {
  it('are listed, old ones of ours marked, and counted beyond the first eight', () => {
    const others = Array.from({ length: 11 }, (_, index) => `<sip:p${index}@192.0.2.9>;expires=60`);
    const listing = found([`<${OURS}>;expires=90`, '<sip:d1@192.0.2.1>', ...others])?.listing;
    expect(listing?.otherCount).toBe(12);
    expect(listing?.others).toHaveLength(8);
    expect(listing?.others.slice(0, 2)).toEqual([
      { uri: 'sip:d1@192.0.2.1', expiresSec: undefined, isStale: true },
      { uri: 'sip:p0@192.0.2.9', expiresSec: 60, isStale: false },
    ]);
  });

  it('are not our own Contacts, listed twice', () => {
    const contacts = [`<${OURS}>;q=1;expires=90`, `<${OURS};x=y>;expires=80`, `"A" <${OURS}>`];
    expect(found(contacts)?.listing?.otherCount).toBe(0);
    const rewritten = ['<sip:d1@192.0.2.7>;expires=90', '<sip:d1@192.0.2.7;z>;expires=80'];
    expect(found(rewritten, { isOwnUser: true })?.listing?.otherCount).toBe(0);
  });

  it('are not the other flows of our own instance', () => {
    const contacts = [
      `<${OURS}>;q=1;expires=90${params(INSTANCE, 1)}`,
      `<sip:d1@192.0.2.1>;expires=90${params(INSTANCE, 2)}`,
    ];
    expect(found(contacts, WITH_OFFER)?.listing?.otherCount).toBe(0);
  });
});

describe('what a registrar tells beside the grant', () => {
  const pool = new FactsPool();
  const facts = (lines: readonly string[]) => {
    const response = aResponse(200, lines);
    const listing = ownBinding(response, { contactUri: OURS }, 600)?.listing;
    return pool.factsOf(response, listing);
  };

  it('usually is nothing', () => {
    expect(facts([`Contact: <${OURS}>;expires=60`])).toBeUndefined();
    expect(facts([`Contact: <${OURS}>;q=0.5;expires=60`])).toBeUndefined();
  });

  it('Service-Route in order, Path, P-Associated-URI and GRUUs', () => {
    const lines = [
      `Contact: <${OURS}>;expires=60;pub-gruu="sip:a@x;gr=urn:uuid:1";temp-gruu="sip:t==,7@x;gr"`,
      'Service-Route: <sip:one.example;lr>, <sip:two.example;lr;x="a,b">',
      'service-route: <sip:three.example;lr>',
      'Path: <sip:edge.test;lr;ob>',
      'P-Associated-URI: <sip:+4930@x>, "A, B" <tel:+4931>',
    ];
    expect(facts(lines)).toEqual({
      serviceRoute: [
        '<sip:one.example;lr>',
        '<sip:two.example;lr;x="a,b">',
        '<sip:three.example;lr>',
      ],
      path: ['<sip:edge.test;lr;ob>'],
      associatedUris: ['<sip:+4930@x>', '"A, B" <tel:+4931>'],
      publicGruu: 'sip:a@x;gr=urn:uuid:1',
      temporaryGruu: 'sip:t==,7@x;gr',
      others: [],
      otherCount: 0,
    });
    expect(facts(lines)).toBe(facts(lines));
  });

  it('has limits: eight values each, two kilobytes in all', () => {
    const many = Array.from({ length: 50 }, (_, index) => `<sip:r${index}.example;lr>`).join(',');
    expect(
      facts([`Contact: <${OURS}>;expires=60`, `Service-Route: ${many}`])?.serviceRoute,
    ).toHaveLength(8);
    const long = `<sip:${'r'.repeat(1500)};lr>`;
    const two = facts([`Contact: <${OURS}>;expires=60`, `Service-Route: ${long}`, `Path: ${long}`]);
    expect([two?.serviceRoute.length, two?.path.length]).toEqual([1, 0]);
  });
});
