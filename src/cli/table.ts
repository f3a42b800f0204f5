/** Plain tables for terminals. What comes from the network is made harmless before it gets there. */
import { styleText } from 'node:util';

export type Tone = 'good' | 'bad' | 'meh' | 'plain';

export interface Cell {
  readonly text: string;
  readonly tone: Tone;
}

const STYLE = { good: 'green', bad: 'red', meh: 'yellow' } as const;
const MAX_CELL = 80;

export function cell(text: string, tone: Tone = 'plain'): Cell {
  const clean = harmless(text);
  return { text: clean.length > MAX_CELL ? `${clean.slice(0, MAX_CELL - 3)}...` : clean, tone };
}

/** Lines with columns as wide as their widest cell, two spaces between, headings in capitals. */
export function printTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  isColoured: boolean,
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.text.length ?? 0)),
  );
  const head = headings.map((heading) => cell(heading.toUpperCase()));
  return [head, ...rows].map((row) => printRow(row, widths, isColoured)).join('');
}

function printRow(row: readonly Cell[], widths: readonly number[], isColoured: boolean): string {
  const parts = row.map(({ text, tone }, column) => {
    const isLast = column === row.length - 1;
    const padded = isLast ? text : text.padEnd(widths[column] ?? 0);
    return isColoured && tone !== 'plain'
      ? styleText(STYLE[tone], padded, { validateStream: false })
      : padded;
  });
  return `${parts.join('  ').trimEnd()}\n`;
}

/** Control characters could move the cursor or recolour the terminal; a reason phrase may hold any. */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** `name: value` lines with the values in one column; lines without a value are left out. */
export function printLines(rows: readonly (readonly [string, string | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value = '']) => `${`${name}:`.padEnd(width + 1)} ${harmless(value)}\n`)
    .join('');
}
