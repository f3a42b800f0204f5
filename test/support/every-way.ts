import type { WaysOut } from '../../src/core/sip/locate/ports.ts';

/** A host with sockets of every kind and routes to everywhere. */
export const EVERY_WAY: WaysOut = { serves: () => true, reaches: () => true };
