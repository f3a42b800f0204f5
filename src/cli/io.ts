import { EXIT } from '../daemon/exit-codes.ts';

/** The exit status where standard output takes nothing. */
export const OUTPUT_FAILED: number = EXIT.ioError.code;

/** What a command may touch of the process; tests hand in their own. */
export interface CliIo {
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True where standard output is a terminal that takes colours. */
  readonly isColoured: boolean;
}
