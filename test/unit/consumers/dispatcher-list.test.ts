/** Lists of a dispatcher as they come from outside: from a proxy, and from a file that anybody may have written. */
import { expect, it } from 'vitest';
import { addressIn, readList, readRpcList } from '../../../src/consumers/dispatcher-list.ts';

const listOf = (targets: unknown) => ({
  NRSETS: 1,
  RECORDS: [{ SET: { ID: 1, TARGETS: targets } }],
});

it('of a proxy are read as far as they are lists', () => {
  expect(readRpcList({ NRSETS: 0 })).toEqual([]);
  for (const one of [undefined, null, 7, 'Ok', [], {}, { RECORDS: {} }])
    expect(readRpcList(one)).toBeUndefined();
  expect(readRpcList({ RECORDS: [null, 7, { SET: null }, { SET: { TARGETS: 7 } }] })).toEqual([]);
  const ATTRS = { BODY: 'weight=50;duid=a=b;trunkd=0123', DUID: 'a=b', WEIGHT: 50, SOCKET: null };
  const DEST = { URI: 'sip:192.0.2.1', FLAGS: 'IP', PRIORITY: 7, ATTRS };
  const nothing = { duid: '', uri: '', state: 'active', priority: 0, weight: 0, mark: '' };
  expect(readRpcList(listOf([{ DEST }, null, { DEST: null }]))).toEqual([
    {
      ...{ set: 1, duid: 'a=b', uri: 'sip:192.0.2.1', state: 'inactive', priority: 7 },
      ...{ weight: 50, socket: '', mark: '0123' },
    },
    { set: 1, ...nothing, socket: undefined },
    { set: 1, ...nothing, socket: undefined },
  ]);
});

it('of a proxy are refused when they are longer than any is', () => {
  expect(readRpcList(listOf(Array.from({ length: 25_000 }, () => ({}))))).toHaveLength(25_000);
  expect(readRpcList(listOf(Array.from({ length: 25_001 }, () => ({}))))).toBeUndefined();
});

it('in a file are read line by line, and what is none of ours is passed over', () => {
  const text = [
    '# 1 sip:192.0.2.9 0 0 duid=no',
    '1 sip:192.0.2.1;transport=udp 0 65534 weight=50;duid=a/b@udp:192.0.2.1:5060;socket=udp:[::1]:5060',
    '1 sip:192.0.2.2 4 0 duid=a/c',
    '2 sip:192.0.2.3 17 0 duid=a/d;weight=x\r',
    '1 sip:192.0.2.4 0 0 weight=50',
    '1 sip:192.0.2.5',
    '1 sip:192.0.2.6 0 0 duid',
    'x'.repeat(100_000),
  ].join('\n');
  expect(readList(text).map(({ duid, state }) => `${duid} ${state}`)).toEqual([
    'a/b@udp:192.0.2.1:5060 active',
    'a/c disabled',
    'a/d inactive',
  ]);
  expect(readList(text)[0]).toMatchObject({ weight: 50, socket: 'udp:[::1]:5060' });
});

it('name hosts', () => {
  const hosts = ['sip:192.0.2.1;x=1', 'sips:u@[2001:db8::1]:5061', 'SIP:a.example:5', 'tel:1', ''];
  expect(hosts.map(addressIn)).toEqual([
    '192.0.2.1',
    '2001:db8::1',
    'a.example',
    undefined,
    undefined,
  ]);
});
