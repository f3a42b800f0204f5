/**
 * The command line of a daemon, told apart without the parser of command lines: that takes 1.5 MB, which a
 * daemon would keep for good. Whatever else stands in the line is the parser's (program.ts), and what is wrong
 * with it.
 */
export const DEFAULT_CONFIG = '/etc/trunkd/trunkd.yaml';

/** The configuration of `run`, `run --config FILE` or `run --config=FILE`; undefined for any other line. */
export function plainRunConfig(args: readonly string[]): string | undefined {
  const [command, option, value] = args;
  if (command !== 'run') return undefined;
  if (option === undefined) return DEFAULT_CONFIG;
  if (args.length === 2 && option.startsWith('--config=')) {
    return option.slice('--config='.length) || undefined;
  }
  const isPlain = args.length === 3 && option === '--config' && value?.startsWith('-') === false;
  return isPlain ? value || undefined : undefined;
}
