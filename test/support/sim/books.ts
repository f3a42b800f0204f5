import type { Lifeline } from './lifeline.ts';

/** What one user is owed: a binding without a gap, judged by the grants of its registrar alone. */
interface Account {
  readonly user: string;
  readonly lifeline: Lifeline;
  /** The end of the last grant, whether or not the registrar remembers it; at first, when it shall be up. */
  owedUntil: number;
  isTold: boolean;
}

/** Enough to see what is wrong; a run with more fails as well. */
const MOST_PROBLEMS = 20;

/** Judges every gap between two bindings, while a long run goes on; keeps nothing of the past. */
export class Books {
  readonly problems: string[] = [];
  readonly #accounts = new Map<string, Account>();
  lapses = 0;
  binds = 0;

  /** `upMs`: by then it shall be bound for the first time. */
  add(user: string, lifeline: Lifeline, upMs: number): void {
    this.#accounts.set(user, { user, lifeline, owedUntil: upMs, isTold: false });
  }

  bound(user: string, grantedSec: number, nowMs: number): void {
    const account = this.#accounts.get(user);
    if (account === undefined) {
      this.#problem(`a binding of ${user}, who is no user here`);
      return;
    }
    this.binds += 1;
    if (account.owedUntil < nowMs) this.#judge(account, nowMs, true);
    account.owedUntil = nowMs + grantedSec * 1000;
    account.isTold = false;
  }

  /** Of the users on a lifeline: whose bindings end before that. */
  endingBefore(lifeline: Lifeline, ms: number): number {
    let sum = 0;
    for (const account of this.#accounts.values()) {
      if (account.lifeline === lifeline && account.owedUntil < ms) sum += 1;
    }
    return sum;
  }

  /** Whoever should be bound and is not. */
  look(nowMs: number): void {
    for (const account of this.#accounts.values()) {
      if (account.owedUntil < nowMs && !account.isTold) this.#judge(account, nowMs, false);
    }
  }

  #judge(account: Account, nowMs: number, isBack: boolean): void {
    const { user, lifeline, owedUntil } = account;
    if (isBack) this.lapses += 1;
    const window = lifeline.excuse(owedUntil);
    if (window !== undefined && nowMs <= window.to) return;
    account.isTold = true;
    const at = `${seconds(owedUntil)} s, ${isBack ? 'back' : 'not back'} at ${seconds(nowMs)} s`;
    const near = lifeline.windows
      .slice(-2)
      .map(({ from, to }) => `${seconds(from)}..${seconds(to)}`);
    this.#problem(`${user} ran out at ${at}; windows ${near.join(' ')}`);
  }

  #problem(text: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(text);
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(0);
}
