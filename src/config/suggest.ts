/** 'Did you mean': the nearest known word, by letters changed, added, dropped or swapped. */
import { quoted } from './parse-yaml.ts';
import type { Complaint, PathStep } from './problem.ts';

/** Says that a name stands for nothing; `elseHint` where none of the known ones is near. */
export function unknownName(
  path: readonly PathStep[],
  kind: string,
  name: string,
  known: Iterable<string>,
  elseHint?: string,
): Complaint {
  const near = nearestWord(name, [...known]);
  return {
    path,
    text: `there is no ${kind} ${quoted(name)}`,
    hint: near === undefined ? elseHint : `did you mean '${near}'?`,
  };
}

/** The known word that was probably meant; undefined when none is near. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const wanted = fold(word);
  if (wanted.length === 0 || wanted.length > 64) return undefined;
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, fold(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `sip_proxy`, `SIP-Proxy` and `sipProxy` are the same word to people. */
function fold(word: string): string {
  return word.replaceAll('_', '').replaceAll('-', '').toLowerCase();
}

/** Damerau-Levenshtein distance in its optimal string alignment form. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(
        at(previous, j) + 1,
        at(row, j - 1) + 1,
        at(previous, j - 1) + (isSame ? 0 : 1),
      );
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) cost = Math.min(cost, at(beforePrevious, j - 2) + 1);
      row.push(cost);
    }
    beforePrevious = previous;
    previous = row;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
