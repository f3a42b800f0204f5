/**
 * Judges a trial by what its registrar saw; by the daemon's own state only where the expectation is about that.
 * Each word of an expectation is one function here, and an unknown word is a failure.
 */
import { credentialsOf, flawsOf } from './credentials.ts';
import type { Lateness } from './lateness.ts';
import { field, registers, type SeenMessage, transactions } from './seen.ts';
import { type Aftermath, ASKED_SEC, aftermathRow, PASSWORD, type Trial } from './trial.ts';

/** Why it fails; empty: it passes. */
export function judge(trial: Trial, aftermath: Aftermath): readonly string[] {
  const flaws = Object.keys(trial.expect).flatMap((word) => {
    const check = CHECKS[word];
    if (check === undefined) return [`no judge for "${word}"`];
    const flaw = check(trial, aftermath, trial.expect[word]);
    return flaw === undefined ? [] : [`${word}: ${flaw}`];
  });
  if (registers(trial.log).length === 0) flaws.push('no REGISTER arrived');
  const wrong = registers(trial.log).flatMap((one) =>
    credentialsOf(one).flatMap((credentials) => flawsOf(one, credentials, PASSWORD)),
  );
  return [...flaws, ...new Set(wrong)];
}

/** What is wrong; undefined: nothing. */
type Check = (trial: Trial, aftermath: Aftermath, value: unknown) => string | undefined;

const SETTLED_MS = 5000;
/** Two noisy cores. */
const SLACK_MS = 1500;
/** How much later than it should a copy may be: less than the distance of two copies. */
const LATE_MS = 3000;
/** How much earlier, by the ticks of two clocks. */
const EARLY_MS = 400;
const TIMER_F_MS = 32_000;

const CHECKS: Readonly<Record<string, Check>> = {
  note: () => undefined,
  registered: (trial, aftermath, value) => {
    // A text leaves it to policy; what trunkd does is in `policy`, and own cases hold it to that.
    if (typeof value !== 'boolean') return undefined;
    const { bound, state, cause } = aftermathRow(trial, aftermath);
    return bound === value ? undefined : `bound is ${bound} (${state}, ${cause?.code})`;
  },
  expires: (trial, aftermath, value) => {
    const { grantedExpires } = aftermathRow(trial, aftermath);
    const expected = value === 'as asked' ? ASKED_SEC : Number.parseInt(String(value), 10);
    return grantedExpires === expected ? undefined : `granted is ${grantedExpires}`;
  },
  requests: (trial, _, value) => {
    const seen = transactions(trial.log);
    const last = seen.find(({ step }) => step === (trial.steps ?? 1) - 1);
    if (last === undefined) return `only ${seen.length}, the last step was not reached`;
    const count = seen.filter(({ atMs }) => atMs <= last.atMs + SETTLED_MS).length;
    return count === value ? undefined : `${count}`;
  },
  requestsMax: (trial, _, value) => {
    const seen = transactions(trial.log);
    const within = Number(trial.expect['withinS']) * 1000;
    const count = seen.filter(({ atMs }) => atMs <= (seen[0]?.atMs ?? 0) + within).length;
    return count <= Number(value) ? undefined : `${count} within ${within} ms`;
  },
  atLeast: (trial, { lateness }, value) => {
    const { requests, withinS } = value as { requests: number; withinS: number };
    const seen = transactions(trial.log);
    const end = (seen[0]?.atMs ?? 0) + withinS * 1000 + lateness.daemonMs;
    const count = seen.filter(({ atMs }) => lateness.earliest(atMs) <= end).length;
    return count >= requests ? undefined : `${count}`;
  },
  /** Exactly so many transactions within the first seconds. */
  count: (trial, { lateness }, value) => {
    const { requests, withinS } = value as { requests: number; withinS: number };
    const seen = transactions(trial.log);
    const end = (seen[0]?.atMs ?? 0) + withinS * 1000;
    const count = seen.filter(({ atMs }) => atMs <= end).length;
    // Late ones count as well, where it is the machine's lateness.
    const most = seen.filter(({ atMs }) => lateness.earliest(atMs) <= end + lateness.daemonMs);
    return count <= requests && most.length >= requests ? undefined : `${count}`;
  },
  withinS: (trial, { lateness }, value) => {
    if ('requestsMax' in trial.expect) return undefined;
    const seen = transactions(trial.log);
    const last = seen.find(({ step }) => step === (trial.steps ?? 1) - 1);
    if (last === undefined) return 'the last step was not reached';
    const took = lateness.earliest(last.atMs) - (seen[0]?.atMs ?? 0);
    return took <= Number(value) * 1000 + lateness.daemonMs ? undefined : `took ${took} ms`;
  },
  auth: (trial, _, value) => checkAuth(trial, value as Readonly<Record<string, unknown>>),
  never: (trial, { elsewhere }, value) => {
    if (String(value).includes('Basic')) {
      const basic = registers(trial.log).some((one) => /^authorization:\s*basic/im.test(one.raw));
      return basic ? 'there is one' : undefined;
    }
    if (!String(value).includes('plain-text')) return `no judge for "${value}"`;
    const strayed = elsewhere.flatMap(({ log }) =>
      log.messages.filter((one) => !one.isSecure && isOf(trial, one)),
    );
    return strayed.length === 0 ? undefined : `${strayed.length} elsewhere`;
  },
  state: (trial, aftermath) => {
    const { state, cause } = aftermathRow(trial, aftermath);
    return state === 'rejected' ? undefined : `${state} (${cause?.code})`;
  },
  cause: (trial, aftermath, value) => {
    const { cause } = aftermathRow(trial, aftermath);
    return cause?.code === value ? undefined : `${cause?.code} (${cause?.text})`;
  },
  requestedExpiresStaysConstant: (trial) => {
    const asked = new Set(transactions(trial.log).map((one) => field(one, 'expires')));
    if (transactions(trial.log).length < 3) return 'too few requests to tell';
    return asked.size === 1 ? undefined : [...asked].join(', ');
  },
  lastExpires: (trial, _, value) => {
    const asked = field(transactions(trial.log).at(-1) as SeenMessage, 'expires');
    return asked === String(value) ? undefined : asked;
  },
  mustNotCrash: (_, { isAlive, bugs }) =>
    isAlive && bugs === 0 ? undefined : `alive ${isAlive}, ${bugs} bugs`,
  memoryBounded: (_, { grownMib }) => (grownMib < 150 ? undefined : `grew by ${grownMib} MiB`),
  secondRequestAfterS: (trial, { lateness }, value) => {
    const [first, second] = transactions(trial.log);
    const [least, most] = value as readonly [number, number];
    if (first === undefined || second === undefined) return 'there is none';
    return notBetween(lateness, [first, second], [least, most]);
  },
  goesTo: (trial, aftermath, value) =>
    redirected(trial, aftermath, String(value)).length > 0 ? undefined : 'nothing arrived there',
  goesNowhere: (trial, aftermath) => {
    const strayed = aftermath.elsewhere.flatMap(({ where }) => redirected(trial, aftermath, where));
    return strayed.length === 0 ? undefined : `${strayed.length} elsewhere`;
  },
  ruriIs: (trial, aftermath, value) => {
    const lines = redirected(trial, aftermath, String(trial.expect['goesTo']));
    const others = lines.filter(({ line }) => line.split(' ')[1] !== value);
    return others.length === 0 ? undefined : others[0]?.raw;
  },
  aorStays: (trial, aftermath) => {
    const arrived = redirected(trial, aftermath, String(trial.expect['goesTo']));
    const here = field(registers(trial.log)[0] as SeenMessage, 'to');
    return arrived.every((one) => field(one, 'to') === here) ? undefined : 'another To';
  },
  secondHasNoRegId: (trial) => {
    const contact = field(transactions(trial.log)[1] as SeenMessage, 'contact');
    return contact !== '' && !contact.includes('reg-id') ? undefined : contact;
  },
  firstHas: (trial, _, value) => {
    const text = transactions(trial.log)[0]?.raw ?? '';
    const missing = (value as readonly string[]).filter((part) => !text.includes(part));
    return missing.length === 0 ? undefined : `not ${missing.join(', ')}`;
  },
  noneHas: (trial, _, value) => {
    const texts = registers(trial.log).map(({ raw }) => raw);
    const found = (value as readonly string[]).filter((part) =>
      texts.some((one) => one.includes(part)),
    );
    return found.length === 0 ? undefined : found.join(', ');
  },
  outbound: (trial, aftermath, value) => {
    const { outbound } = aftermathRow(trial, aftermath);
    return (outbound ?? false) === value ? undefined : String(outbound);
  },
  row: (trial, aftermath, value) => {
    const row = aftermathRow(trial, aftermath);
    const wrong = Object.entries(value as Readonly<Record<string, unknown>>).filter(
      ([key, expected]) => JSON.stringify(row[key]) !== JSON.stringify(expected),
    );
    return wrong.length === 0
      ? undefined
      : wrong.map(([key]) => `${key} is ${JSON.stringify(row[key])}`).join(', ');
  },
  answersOptions: (trial, _, value) => {
    const lines = trial.log.messages.filter(({ method }) => method === 'RESPONSE');
    const codes = lines.map(({ line }) => line.split(' ')[1]);
    return codes.length > 0 && codes.every((code) => code === String(value))
      ? undefined
      : `answers ${codes.join(', ') || 'none'}`;
  },
  /** Copies of the first transaction, in seconds since its first one. */
  copiesAtS: (trial, { lateness }, value) => {
    const copies = registers(trial.log).filter(
      ({ branch }) => branch === registers(trial.log)[0]?.branch,
    );
    if (new Set(copies.map(({ raw }) => raw)).size !== 1) return 'copies differ';
    const expected = trial.protocol === 'udp' ? (value as readonly number[]) : [0];
    const at = copies.map(({ atMs }) => atMs - (copies[0]?.atMs ?? 0));
    const isFine =
      at.length <= expected.length &&
      (trial.protocol !== 'udp' || areInTime(lateness, copies, expected));
    return isFine ? undefined : `at ${at.map((ms) => (ms / 1000).toFixed(2)).join(', ')}`;
  },
  /** When the second transaction follows the answer to the one with this step, at the least and the most. */
  refreshAfterS: (trial, { lateness }, value) => {
    const { from, least, most } = value as { from: number; least: number; most: number };
    const seen = transactions(trial.log);
    const first = seen.findIndex(({ step }) => step === from);
    const [one, next] = [seen[first], seen[first + 1]];
    if (one === undefined || next === undefined) return 'there is none';
    return notBetween(lateness, [one, next], [least, most]);
  },
  /** Gaps between transactions never get below so many seconds, from the given one on. */
  gapsAtLeastS: (trial, { lateness }, value) => {
    const { from, seconds } = value as { from: number; seconds: number };
    const at = transactions(trial.log)
      .slice(from)
      .map(({ atMs }) => atMs);
    const gaps = at.slice(1).map((ms, index) => ms - lateness.earliest(at[index] ?? 0));
    const small = gaps.filter((ms) => ms < seconds * 1000 - 50);
    return small.length === 0 ? undefined : `${small.join(', ')} ms`;
  },
  connections: (trial, _, value) =>
    trial.protocol === 'udp' || trial.log.connects.length === value
      ? undefined
      : `${trial.log.connects.length}`,
  connectionsAtLeast: (trial, _, value) =>
    trial.protocol === 'udp' || trial.log.connects.length >= Number(value)
      ? undefined
      : `${trial.log.connects.length}`,
  pongs: (trial, _, value) => {
    const pongs = trial.log.keepAlives.filter(({ octets }) => octets === 2).length;
    return pongs >= Number(value) ? undefined : `${pongs}`;
  },
  /** Pings (CR LF CR LF) on a stream, STUN over UDP: at least so many, none closer than, none further apart than. */
  pings: (trial, { lateness }, value) => {
    const { count, least, most } = value as { count: number; least: number; most: number };
    const pings = trial.log.keepAlives.filter(({ octets }) => octets === 4);
    const at = trial.protocol === 'udp' ? trial.log.stun : pings.map(({ atMs }) => atMs);
    const gaps = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
    if (at.length < count) return `${at.length}`;
    const { daemonMs } = lateness;
    const odd = gaps.filter(
      (ms) => ms < least * 1000 - 100 - daemonMs || ms > most * 1000 + SLACK_MS + daemonMs,
    );
    return odd.length === 0 ? undefined : `gaps of ${odd.join(', ')} ms`;
  },
};

/**
 * Each copy is armed when the one before went out. So none comes early, none later than the machine excuses, and
 * where one is missing, Timer F had come before its turn.
 */
function areInTime(
  lateness: Lateness,
  copies: readonly SeenMessage[],
  expected: readonly number[],
): boolean {
  const lateMs = LATE_MS + lateness.daemonMs;
  const first = copies[0]?.atMs ?? 0;
  return copies.every(({ atMs }, index) => {
    const wantedMs = ((expected[index + 1] ?? 0) - (expected[index] ?? 0)) * 1000;
    const next = copies[index + 1];
    if (next === undefined) {
      const isLast = index === expected.length - 1;
      return isLast || atMs + wantedMs + lateMs >= lateness.earliest(first) + TIMER_F_MS;
    }
    const isEarly = next.atMs - lateness.earliest(atMs) < wantedMs - EARLY_MS;
    const isLate = lateness.earliest(next.atMs) - atMs > wantedMs + lateMs;
    return !isEarly && !isLate;
  });
}

/** Undefined: the second came so many seconds after the first, as far as we could see. */
function notBetween(
  { earliest, daemonMs }: Lateness,
  [first, second]: readonly [SeenMessage, SeenMessage],
  [least, most]: readonly [number, number],
): string | undefined {
  const isEarly = second.atMs - earliest(first.atMs) < least * 1000 - 50;
  const isLate = earliest(second.atMs) - first.atMs > most * 1000 + SLACK_MS + daemonMs;
  return isEarly || isLate ? `after ${second.atMs - first.atMs} ms` : undefined;
}

export const isOf = (trial: Trial, message: SeenMessage): boolean =>
  field(message, 'to').includes(`${trial.registration}@`);

function redirected(trial: Trial, { elsewhere }: Aftermath, where: string): readonly SeenMessage[] {
  return elsewhere
    .filter((one) => one.where === where)
    .flatMap(({ log }) => log.messages.filter((message) => isOf(trial, message)));
}

function checkAuth(trial: Trial, wanted: Readonly<Record<string, unknown>>): string | undefined {
  const seen = transactions(trial.log);
  const last = seen.findLast((one) => credentialsOf(one).length > 0);
  if (last === undefined) return 'no credentials arrived';
  const of = (message: SeenMessage | undefined) =>
    message === undefined ? {} : (credentialsOf(message).at(-1)?.values ?? {});
  const third = seen[2];
  const isFinal = ({ step }: SeenMessage): boolean => step === (trial.steps ?? 0) - 1;
  const final = trial.steps === undefined ? last : seen.find(isFinal);
  const wrong = Object.entries(wanted).filter(([name, value]) => {
    switch (name) {
      case 'third':
        return third === undefined || credentialsOf(third).length !== 2;
      case 'thirdNonce':
        return of(third)['nonce'] !== value;
      case 'thirdNc':
        return of(third)['nc'] !== value;
      case 'lastNonce':
        return of(final)['nonce'] !== value;
      case 'lastNc':
        return of(final)['nc'] !== value;
      case 'header':
        return !credentialsOf(last).every(({ header }) => header === value);
      case 'realms':
        return (
          JSON.stringify(credentialsOf(last).map(({ values }) => values['realm'])) !==
          JSON.stringify(value)
        );
      default:
        return !holds(of(final)[name], value);
    }
  });
  return wrong.length === 0
    ? undefined
    : `${wrong.map(([name]) => name).join(', ')} in ${last.raw}`;
}

/** null: it must not be there; `absent or X`: either. */
function holds(got: string | undefined, wanted: unknown): boolean {
  if (wanted === null) return got === undefined;
  const [, either] = /^absent or (.*)$/.exec(String(wanted)) ?? [];
  return either === undefined ? got === wanted : got === undefined || got === either;
}
