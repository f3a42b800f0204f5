/** Where the demo shows its states: a table that is drawn over itself on a terminal, else lines. */
import type { WriteStream } from 'node:tty';
import type { Status } from './status-feed.ts';
import { changesBetween, summary, table } from './view.ts';

/** The part of a standard output that is used here. */
export type Output = Pick<WriteStream, 'write'> &
  Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

export class Screen {
  readonly #output: Output;
  readonly #isTerminal: boolean;
  readonly #isColoured: boolean;
  /** Lines drawn last time, to be drawn over. */
  #drawn = 0;
  #last: Status | undefined;
  readonly #news: string[] = [];

  constructor(output: Output, isColoured: boolean) {
    this.#output = output;
    this.#isColoured = isColoured;
    this.#isTerminal = output.isTTY === true;
  }

  /** Text that stays where it is written. */
  say(text: string): void {
    this.#output.write(`${text}\n`);
  }

  /** Something that happened, with its time. */
  tell(text: string): void {
    const line = `${new Date().toISOString().slice(11, 19)}  ${text}`;
    if (this.#isTerminal) this.#news.push(line);
    else this.say(line);
  }

  /** A new look at the status. */
  show(status: Status): void {
    for (const line of changesBetween(this.#last, status)) this.tell(line);
    this.#last = status;
    if (this.#isTerminal) this.#draw(status);
  }

  /** The last word; the terminal is left as it was. */
  close(): void {
    if (this.#isTerminal) this.#output.write(SHOW_CURSOR);
    else if (this.#last !== undefined) this.tell(summary(this.#last));
  }

  #draw(status: Status): void {
    // A terminal that does not tell its size says 0.
    const columns = this.#output.columns || 80;
    const rows = this.#output.rows || 24;
    this.#news.splice(0, this.#news.length - NEWS_LINES);
    const news = this.#news.map((line) => line.slice(0, columns));
    // What is taller than the terminal could not be drawn over.
    const lines = [
      '',
      ...table(status, Date.now(), { columns, isColoured: this.#isColoured }),
      '',
      ...news,
    ].slice(0, rows - 1);
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A\r` : '';
    this.#output.write(`${HIDE_CURSOR}${up}${CLEAR_BELOW}${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }
}

/** The last changes, under the table. */
const NEWS_LINES = 5;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[0J';
