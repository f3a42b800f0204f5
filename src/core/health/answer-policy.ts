/**
 * Which answers to a probe speak for a server (features P7): by class of status code, with exceptions.
 * `ignored` counts neither way. Silence and refusal are no answers, and no policy has a say in them.
 *
 *                 2xx    3xx    4xx       5xx    6xx       but
 *   standard      good   good   good      good   impaired  483 impaired; 408 430 477 478 500 502 503 504 bad
 *   strict        good   bad    impaired  bad    bad       408 430 477 478 bad
 *   anyResponse   good   good   good      good   good
 *   teams         good   bad    bad       bad    bad
 *   cisco         good   good   good      good   good      503 505 bad
 *   freeswitch    good   good   good      good   bad       408 503 bad
 */
export type AnswerVerdict = 'good' | 'impaired' | 'bad' | 'ignored';

/** The policies of trunkd itself. */
export type PolicyName = 'standard' | 'strict' | 'anyResponse' | 'teams' | 'cisco' | 'freeswitch';

/** One of ours, or one that begins with it: single codes go before classes, both before the base. */
export interface AnswerPolicy {
  readonly name: string;
  readonly base: PolicyName;
  readonly codes: ReadonlyMap<number, AnswerVerdict>;
  /** By the first digit. */
  readonly classes: ReadonlyMap<number, AnswerVerdict>;
}

interface Table {
  /** For 2xx to 6xx. */
  readonly classes: readonly AnswerVerdict[];
  readonly codes: ReadonlyMap<number, AnswerVerdict>;
}

function table(
  classes: readonly AnswerVerdict[],
  bad: readonly number[] = [],
  impaired: readonly number[] = [],
): Table {
  const codes = new Map<number, AnswerVerdict>(bad.map((code) => [code, 'bad']));
  for (const code of impaired) codes.set(code, 'impaired');
  return { classes, codes };
}

const NO_WAY_ON = [408, 430, 477, 478];

const TABLES: Readonly<Record<PolicyName, Table>> = {
  standard: table(
    ['good', 'good', 'good', 'good', 'impaired'],
    [...NO_WAY_ON, 500, 502, 503, 504],
    [483],
  ),
  strict: table(['good', 'bad', 'impaired', 'bad', 'bad'], NO_WAY_ON),
  anyResponse: table(['good', 'good', 'good', 'good', 'good']),
  teams: table(['good', 'bad', 'bad', 'bad', 'bad']),
  cisco: table(['good', 'good', 'good', 'good', 'good'], [503, 505]),
  freeswitch: table(['good', 'good', 'good', 'good', 'bad'], [408, 503]),
};

/** The verdict of a final answer, 200 to 699; by `standard` where no policy is given. */
export function verdictOfStatus(status: number, policy?: AnswerPolicy): AnswerVerdict {
  const first = Math.floor(status / 100);
  const own = policy?.codes.get(status) ?? policy?.classes.get(first);
  if (own !== undefined) return own;
  const { classes, codes } = TABLES[policy?.base ?? 'standard'];
  return codes.get(status) ?? classes[first - 2] ?? 'bad';
}

/** The same for policies that judge alike. */
export function policyKey({ name, base, codes, classes }: AnswerPolicy): string {
  return `${name} ${base} ${[...codes].join()} ${[...classes].join()}`;
}
