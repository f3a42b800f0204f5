import { expect, it } from 'vitest';
import { sendableAddress } from '../../../../../src/core/sip/locate/address-policy.ts';

it.each([
  ...['192.0.2.1', '10.0.0.1', '127.0.0.1', '169.253.0.1', '223.255.255.255', '1.0.0.1'],
  ...['::1', '2001:db8::1', 'fd00::1', 'fe00::1', '::ffff:192.0.2.1'],
])('%s may be a server', (address) => {
  expect(sendableAddress(address)).toBeDefined();
});

it.each([
  ...['0.0.0.0', '0.1.2.3', '169.254.169.254', '224.0.1.75', '240.0.0.1', '255.255.255.255'],
  ...['::', 'fe80::1', 'febf::1', 'ff02::1', '::ffff:224.0.0.1', '::ffff:0.0.0.0'],
  ...['sip.acme.example', '', '1.2.3', '[::'],
])('%s may not', (address) => {
  expect(sendableAddress(address)).toBeUndefined();
});
