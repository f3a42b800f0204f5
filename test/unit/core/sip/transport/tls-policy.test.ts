import { describe, expect, it } from 'vitest';
import type { TlsPolicy } from '../../../../../src/core/sip/transport/ports.ts';
import { tlsPolicyKey } from '../../../../../src/core/sip/transport/tls-policy.ts';

const POLICY: TlsPolicy = {
  verify: 'strict',
  identity: 'a.test',
  allowWildcard: false,
  minVersion: 'TLSv1.2',
};

describe('the key of a TLS policy', () => {
  it('is another for every part that is another', () => {
    const others: readonly Partial<TlsPolicy>[] = [
      {},
      { verify: 'warn' },
      { verify: 'off' },
      { identity: 'b.test' },
      { otherIdentities: ['b.test'] },
      { allowWildcard: true },
      { minVersion: 'TLSv1.3' },
      { fingerprints: ['aa'] },
      { fingerprints: ['bb'] },
      { fingerprints: ['aa', 'bb'] },
    ];
    const keys = others.map((other) => tlsPolicyKey({ ...POLICY, ...other }));
    expect(new Set(keys).size).toBe(others.length);
  });

  it('is the same for the same in other words', () => {
    const same = { ...POLICY, identity: 'A.Test', otherIdentities: [], fingerprints: [] };
    expect(tlsPolicyKey(same)).toBe(tlsPolicyKey(POLICY));
  });
});
