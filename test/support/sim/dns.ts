import { failure, fault, type Result, success } from '../../../src/core/base/fault.ts';
import { after } from '../../../src/core/base/instant.ts';
import type { Random } from '../../../src/core/base/random.ts';
import { Timer } from '../../../src/core/base/timer-queue.ts';
import type {
  LookupAnswer,
  LookupPort,
  LookupQuestion,
  LookupRecord,
} from '../../../src/core/sip/locate/ports.ts';
import type { Times } from './time.ts';

export type DnsMood = 'fine' | 'silent' | 'failing' | 'empty';

const NOTHING: LookupAnswer = { records: [], ttlSec: 60 };
const PATIENCE_MS = 5_000;

/** A name server with a zone, which may fall silent, fail, or say that there is nothing. */
export class SimDns implements LookupPort {
  mood: DnsMood = 'fine';
  /** Questions since the start. */
  asked = 0;
  readonly #zone = new Map<string, readonly LookupRecord[]>();
  readonly #time: Times;
  readonly #random: Random;

  constructor(time: Times, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  address(name: string, address: string): void {
    this.#zone.set(`a ${name}`, [{ kind: 'address', address, family: 4 }]);
  }

  /** The first is preferred. */
  servers(name: string, targets: readonly string[]): void {
    const records = targets.map(
      (target, priority) => ({ kind: 'srv', target, port: 5060, priority, weight: 1 }) as const,
    );
    this.#zone.set(`srv ${name}`, records);
  }

  ask({ kind, name }: LookupQuestion, receive: (result: Result<LookupAnswer>) => void): void {
    this.asked += 1;
    const { mood } = this;
    const records = this.#zone.get(`${kind} ${name}`);
    const answer = (): Result<LookupAnswer> => {
      if (mood === 'silent') return failure(fault('dns.timeout', 'network'));
      if (mood === 'failing') return failure(fault('dns.failed', 'network'));
      const isThere = records !== undefined && mood === 'fine';
      return success(isThere ? { records, ttlSec: 300 } : NOTHING);
    };
    const ms = mood === 'silent' ? PATIENCE_MS : 2 + this.#random.fraction() * 50;
    this.#time.timers.arm(new Timer(() => receive(answer())), after(this.#time.now(), ms));
  }
}
