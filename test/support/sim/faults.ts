import { fault } from '../../../src/core/base/fault.ts';
import { between, type Random } from '../../../src/core/base/random.ts';
import type { Month, Provider } from './month.ts';
import type { Weather } from './network.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Something that goes wrong for a while. */
interface Trouble {
  readonly name: string;
  /** How long it lasts, at least and at most. */
  readonly ms: readonly [number, number];
  /** Begins it, and returns what ends it. */
  begin(month: Month, random: Random): () => void;
}

const LINK_DOWN = fault('transport.local', 'local', 'Our own machine could not send.');

function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random.fraction() * items.length)] as T;
}

/** One of them, or (one time in four) all. */
function someOf(month: Month, random: Random): readonly Provider[] {
  return random.fraction() < 0.25 ? month.providers : [pick(month.providers, random)];
}

/** Weather on the paths to some providers. */
function weather(name: string, change: (random: Random) => Partial<Weather>): Trouble {
  return {
    ...{ name, ms: [MINUTE_MS, 50 * MINUTE_MS] },
    begin(month, random) {
      const providers = someOf(month, random);
      const paths = providers.flatMap((provider) => provider.weather);
      const undo = paths.map((path) => {
        const before = { ...path };
        Object.assign(path, change(random));
        return () =>
          Object.assign(path, { lossBack: 0, reordered: 0, ...before, isCut: path.isCut });
      });
      return () => {
        for (const one of undo) one();
      };
    },
  };
}

function cut(name: string, ms: Trouble['ms']): Trouble {
  return {
    ...{ name, ms },
    begin(month, random) {
      const providers = someOf(month, random);
      return cutOff(month, providers);
    },
  };
}

function cutOff(month: Month, providers: readonly Provider[]): () => void {
  const set = (isCut: boolean) => {
    for (const provider of providers) {
      for (const path of provider.weather) path.isCut = isCut;
    }
    month.trouble(providers, isCut);
  };
  set(true);
  return () => set(false);
}

function standstill(name: string, how: 'asleep' | 'stopped', ms: Trouble['ms']): Trouble {
  return {
    ...{ name, ms },
    begin(month) {
      // One at a time: whoever stands still cannot stop.
      if (month.time.isDaemonStopped) return () => {};
      month.stand(how);
      return () => month.goOn();
    },
  };
}

const HOURLY: readonly Trouble[] = [
  weather('loss', (random) => ({ loss: between(random, 0.05, 0.3) })),
  weather('answers lost', (random) => ({ lossBack: between(random, 0.1, 0.4) })),
  weather('delay', (random) => ({ delayMs: [100, between(random, 300, 1_500)] })),
  weather('slowness', (random) => ({ delayMs: [1_000, between(random, 2_000, 4_500)] })),
  weather('duplication', () => ({ duplicated: 0.3 })),
  weather('reordering', () => ({ reordered: 0.3 })),
  cut('short outage', [2 * SECOND_MS, 200 * SECOND_MS]),
  {
    ...{ name: 'registrar restart', ms: [SECOND_MS, 30 * SECOND_MS] },
    begin(month, random) {
      const provider = pick(month.providers, random);
      const end = cutOff(month, [provider]);
      return () => {
        provider.registrar.restart();
        for (const key of provider.keys) month.network.connections.reset(key);
        end();
      };
    },
  },
  {
    ...{ name: 'name server', ms: [MINUTE_MS, 55 * MINUTE_MS] },
    begin(month, random) {
      month.dns.mood = pick(['silent', 'failing', 'empty'] as const, random);
      return () => {
        month.dns.mood = 'fine';
      };
    },
  },
  {
    ...{ name: 'clock jump', ms: [MINUTE_MS, 2 * MINUTE_MS] },
    begin(month, random) {
      month.wallJumpMs += pick([1, -1, 24, -24, 720], random) * HOUR_MS;
      return () => {};
    },
  },
  {
    ...{ name: 'first server dead', ms: [MINUTE_MS, 55 * MINUTE_MS] },
    begin(month) {
      const [pair] = month.providers;
      const path = pair?.weather[0] as Weather;
      path.isCut = true;
      return () => {
        path.isCut = false;
      };
    },
  },
  {
    ...{ name: 'overload', ms: [20 * SECOND_MS, 10 * MINUTE_MS] },
    begin(month, random) {
      const provider = pick(month.providers, random);
      const lines = [`Retry-After: ${Math.floor(between(random, 1, 60))}`];
      provider.registrar.mood = { status: '503 Service Unavailable', lines };
      month.trouble([provider], true);
      return () => {
        provider.registrar.mood = undefined;
        month.trouble([provider], false);
      };
    },
  },
  {
    ...{ name: 'link down', ms: [5 * SECOND_MS, 10 * MINUTE_MS] },
    begin(month) {
      month.localFault(LINK_DOWN);
      return () => month.localFault(undefined);
    },
  },
  standstill('stop', 'stopped', [6 * SECOND_MS, 2 * MINUTE_MS]),
  standstill('nap', 'asleep', [6 * SECOND_MS, 40 * MINUTE_MS]),
  {
    ...{ name: 'connections reset', ms: [SECOND_MS, 2 * SECOND_MS] },
    begin(month) {
      for (const { keys } of month.providers) {
        for (const key of keys) month.network.connections.reset(key);
      }
      return () => {};
    },
  },
];

const DAILY: readonly Trouble[] = [
  cut('outage', [5 * MINUTE_MS, 30 * MINUTE_MS]),
  cut('long outage', [30 * MINUTE_MS, 180 * MINUTE_MS]),
  standstill('sleep', 'asleep', [30 * MINUTE_MS, 240 * MINUTE_MS]),
];

/** Plans one trouble for each hour but the first, and one outage for each day. */
export function planFaults(month: Month, random: Random, days: number): void {
  const plan = (trouble: Trouble, beginMs: number, longestMs: number) => {
    const ms = Math.min(between(random, ...trouble.ms), longestMs);
    month.network.later(beginMs, () => {
      month.note(`${trouble.name} for ${(ms / SECOND_MS).toFixed(0)} s`);
      const end = trouble.begin(month, random);
      month.worsened();
      month.network.later(ms, end);
    });
  };
  for (let hour = 1; hour < 24 * days; hour += 1) {
    const offsetMs = between(random, 0, 5 * MINUTE_MS);
    plan(pick(HOURLY, random), hour * HOUR_MS + offsetMs, HOUR_MS - offsetMs - SECOND_MS);
  }
  for (let day = 0; day < days; day += 1) {
    const beginMs = (24 * day + between(random, 2, 20)) * HOUR_MS;
    plan(pick(DAILY, random), beginMs, 4 * HOUR_MS);
  }
}
