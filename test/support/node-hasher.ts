import { hash } from 'node:crypto';
import type { Hasher } from '../../src/core/sip/digest/ports.ts';

const NAMES = { md5: 'md5', sha256: 'sha256', 'sha512-256': 'sha512-256' } as const;

/** The hash port on Node's own crypto, for tests. */
export const nodeHasher: Hasher = {
  hash: (name, text) => hash(NAMES[name], Buffer.from(text, 'latin1'), 'hex'),
};
