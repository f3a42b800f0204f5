import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { missingHashes, nodeHasher } from '../../../src/net/hash.ts';

describe('hashing', () => {
  it.each(['md5', 'sha256', 'sha512-256'] as const)('%s takes one octet a character', (name) => {
    const octets = Buffer.from('Müller:ätsch:Grüße', 'utf8');
    const expected = createHash(name).update(octets).digest('hex');
    expect(nodeHasher.hash(name, octets.toString('latin1'))).toBe(expected);
  });

  it('finds what the machine cannot compute', () => {
    expect(missingHashes()).toEqual([]);
    const fips = {
      hash(name: 'md5' | 'sha256' | 'sha512-256', text: string): string {
        if (name === 'md5') throw new Error('unsupported');
        return name === 'sha256' ? 'wrong' : nodeHasher.hash(name, text);
      },
    };
    expect(missingHashes(fips)).toEqual(['md5', 'sha256']);
  });
});
