/** What others ask of us: every case of uas-cases.ts over its transports, and the flood behind them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Protocol } from './quirk-case.ts';
import { ANOMALY_CASE } from './uas-anomalies.ts';
import { UAS_CASES, type UasCase } from './uas-cases.ts';
import { IPV6_CASE } from './uas-ipv6.ts';
import { type Place, request, statusOf, UasPeer } from './uas-peer.ts';

export interface UasVerdict {
  readonly one: Pick<UasCase, 'id' | 'title' | 'policy'>;
  readonly protocol: Protocol;
  readonly flaws: readonly string[];
}

/** Requests a second that the daemon of the run is told to answer. */
export const MAX_RATE = 2000;

export async function uasVerdicts(place: Place): Promise<readonly UasVerdict[]> {
  const verdicts: UasVerdict[] = [];
  for (const one of [...UAS_CASES, IPV6_CASE, ANOMALY_CASE, FLOOD_CASE])
    verdicts.push(
      ...(await Promise.all(
        one.protocols.map(async (protocol) => ({
          ...{ one, protocol },
          flaws: await one.run(place, protocol),
        })),
      )),
    );
  return [...verdicts, finalOnly()];
}

/** RFC 4320 section 4: nothing but final answers, and never a 408. Over all that came back in this part. */
function finalOnly(): UasVerdict {
  const odd = [...UasPeer.statuses].filter((status) => status < 200 || status === 408);
  const title = 'Every answer of this part is final, and none is a 408';
  const flaws = UasPeer.statuses.size < 3 ? ['too few answers to tell'] : odd.map(String);
  return { one: { id: 'uas/final-only', title }, protocol: 'udp', flaws };
}

const FLOOD = 10_000;

/** Answers are bounded by the rate, and nothing but requests gets one. */
const FLOOD_CASE: UasCase = {
  id: 'uas/flood',
  title: `${FLOOD} requests at once: no more answers than the rate allows, all final, none larger than asked for`,
  protocols: ['udp'],
  run: async (place, protocol) => {
    const peer = await UasPeer.to(place, protocol);
    const started = performance.now();
    for (let sent = 0; sent < FLOOD; sent += 1) {
      peer.send(request(peer));
      if (sent % 200 === 0) await sleep(1);
    }
    for (let n = 0; n < 100; n += 1)
      peer.send(request(peer, {}, 'ACK sip:trunkd@127.0.0.1 SIP/2.0'));
    await sleep(1000);
    const seconds = (performance.now() - started) / 1000;
    const replies = [...peer.replies];
    peer.close();
    const most = MAX_RATE * (seconds + 1);
    const flaws = replies.length > most ? [`${replies.length} answers in ${seconds} s`] : [];
    if (replies.length < MAX_RATE / 2) flaws.push(`only ${replies.length} answers`);
    const odd = new Set(replies.map(statusOf).filter((status) => status !== 200));
    if (odd.size > 0) flaws.push(`answers ${[...odd].join(', ')}`);
    const largest = Math.max(...replies.map((reply) => reply.length));
    if (largest > 2 * request(peer).length) flaws.push(`answers of ${largest} octets`);
    return flaws;
  },
};
