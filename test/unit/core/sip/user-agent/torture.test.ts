import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SipStack } from '../../../../../src/core/sip/user-agent/stack.ts';
import { nodeHasher } from '../../../../support/node-hasher.ts';
import { RecordingTransport, testFlow } from '../../../../support/recording-transport.ts';
import { SeededRandom } from '../../../../support/seeded-random.ts';
import { VirtualTime } from '../../../../support/virtual-time.ts';

interface Entry {
  readonly name: string;
  readonly kind: 'request' | 'response';
  readonly uas: readonly (number | 'drop')[] | null;
  readonly alsoOk?: readonly (number | 'drop')[];
}

const FOLDER = 'test/vectors/torture';
const manifest = JSON.parse(readFileSync(`${FOLDER}/manifest.json`, 'utf8')) as {
  readonly messages: readonly Entry[];
};

/** What we answer to the octets of a torture message: a status, or `drop`. */
function answerOf(name: string, protocol: 'udp' | 'tcp'): number | 'drop' {
  const time = new VirtualTime();
  const transport = new RecordingTransport();
  const stack = new SipStack({
    clock: time,
    timers: time.timers,
    random: new SeededRandom(1),
    hasher: nodeHasher,
    transport,
    pacing: { perTarget: 6, burst: 3, max: 6 },
    senderOf: () => 'allowed',
    maxInboundRate: 100,
    publish: () => {},
  });
  const wire = readFileSync(`${FOLDER}/${name}.dat`, 'latin1');
  stack.received(wire, testFlow(protocol), time.now());
  expect(transport.sent.length).toBeLessThanOrEqual(1);
  return transport.sent.length === 0 ? 'drop' : Number(transport.last.slice(8, 11));
}

describe('the messages of RFC 4475, as they reach us', () => {
  it.each(manifest.messages)('$name', ({ name, kind, uas, alsoOk }) => {
    const allowed = kind === 'response' ? ['drop'] : [...(uas ?? []), ...(alsoOk ?? [])];
    expect(allowed).toContain(answerOf(name, 'udp'));
  });

  it('of another version get 505, where the RFC would have let 400 pass', () => {
    expect(answerOf('badvers', 'udp')).toBe(505);
  });

  it('covers the archive and the one message beside it', () => {
    expect(manifest.messages.length).toBe(50);
  });
});
