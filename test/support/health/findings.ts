import {
  type AnswerPolicy,
  type PolicyName,
  verdictOfStatus,
} from '../../../src/core/health/answer-policy.ts';
import type { Finding } from '../../../src/core/health/verdict.ts';

/** What an answer says under the policy `standard`. */
export function standardAnswer(code: number, holdMs = 0): Finding {
  const verdict = verdictOfStatus(code);
  if (verdict === 'ignored') throw new Error(`${code} is ignored`);
  return { kind: 'answer', verdict, code, reason: '', holdMs, slowMs: 0 };
}

/** A policy of trunkd itself, as the configuration makes it. */
export function policyNamed(name: PolicyName): AnswerPolicy {
  return { name, base: name, codes: new Map(), classes: new Map() };
}
