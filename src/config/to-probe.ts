/** From the section `probe` of a peer server, all levels laid over each other, to the plan of its probes. */
import type { AnswerPolicy, AnswerVerdict, PolicyName } from '../core/health/answer-policy.ts';
import type { ProbeLook, ProbePlan } from '../core/health/spec.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './grammar.ts';
import { headerLines } from './header-fields.ts';
import type { MergedDefaults } from './levels.ts';
import type { Complaint } from './problem.ts';
import type { ConfigSettings } from './schema.ts';
import { unknownName } from './suggest.ts';

/** The policies that have a name: those of ours and `answerPolicies`. */
export type Policies = ReadonlyMap<string, AnswerPolicy>;

const OURS: readonly PolicyName[] = [
  ...(['standard', 'strict', 'anyResponse', 'teams', 'cisco', 'freeswitch'] as const),
];
const UNCHANGED = { codes: new Map(), classes: new Map() };

export function toPolicies(
  settings: ConfigSettings['answerPolicies'],
  complaints: Complaint[],
): Policies {
  const policies = new Map<string, AnswerPolicy>(
    OURS.map((name) => [name, { name, base: name, ...UNCHANGED }]),
  );
  for (const [name, section] of Object.entries(settings ?? {})) {
    const path = ['answerPolicies', name];
    const wanted = section.base ?? DEFAULTS.probe.answers;
    const base = OURS.find((one) => one === wanted);
    if (OURS.some((one) => one === name)) {
      complaints.push({ path, isAboutKey: true, text: `'${name}' is a policy of trunkd itself` });
    } else if (base === undefined) {
      complaints.push(unknownName([...path, 'base'], 'policy', wanted, OURS));
    } else {
      policies.set(name, extended(name, base, section));
    }
  }
  return policies;
}

const WORDS = [
  ['up', 'good'],
  ['impaired', 'impaired'],
  ['down', 'bad'],
  ['ignore', 'ignored'],
] as const;

type PolicySection = NonNullable<ConfigSettings['answerPolicies']>[string];

function extended(name: string, base: PolicyName, section: PolicySection): AnswerPolicy {
  const codes = new Map<number, AnswerVerdict>();
  const classes = new Map<number, AnswerVerdict>();
  for (const [word, verdict] of WORDS) {
    for (const code of section[word] ?? []) {
      if (typeof code === 'number') codes.set(code, verdict);
      else classes.set(Number(code[0]), verdict);
    }
  }
  return { name, base, codes, classes };
}

export function toProbe(
  settings: MergedDefaults['probe'],
  policies: Policies,
  complaints: Complaint[],
): ProbePlan {
  const { probe } = DEFAULTS;
  const name = settings.answers ?? probe.answers;
  const answers = policies.get(name);
  if (answers === undefined) {
    complaints.push(unknownName(['probe', 'answers'], 'policy', name, [...policies.keys()]));
  }
  const { impairedAbove, mode = probe.mode } = settings;
  return {
    mode,
    intervalMs: parseDuration(settings.interval ?? probe.interval) ?? 0,
    timeoutMs: parseDuration(settings.timeout ?? probe.timeout) ?? 0,
    fall: settings.fall ?? probe.fall,
    // REGISTERs are rare, and one that is answered is worth a row of probes.
    rise: settings.rise ?? (mode === 'register' ? 1 : probe.rise),
    recheckMs: parseDuration(settings.recheck ?? probe.recheck),
    answers,
    impairedAboveMs: impairedAbove === undefined ? undefined : parseDuration(impairedAbove),
    look: toLook(settings),
  };
}

/** Undefined where the requests are to look as usual. */
function toLook(settings: MergedDefaults['probe']): ProbeLook | undefined {
  const look = {
    maxForwards: settings.maxForwards ?? DEFAULTS.probe.maxForwards,
    user: settings.user ?? '',
    fromUser: settings.fromUser ?? '',
    fromDomain: settings.fromDomain ?? '',
    headers: headerLines(settings.headers),
  };
  const isUsual =
    look.maxForwards === DEFAULTS.probe.maxForwards &&
    look.user + look.fromUser + look.fromDomain + look.headers === '';
  return isUsual ? undefined : look;
}
