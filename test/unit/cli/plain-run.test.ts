import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG, plainRunConfig } from '../../../src/cli/plain-run.ts';

describe('the command line of a daemon', () => {
  it('is told without the parser of command lines', () => {
    expect(plainRunConfig(['run'])).toBe(DEFAULT_CONFIG);
    expect(plainRunConfig(['run', '--config', 'a.yaml'])).toBe('a.yaml');
    expect(plainRunConfig(['run', '--config=/etc/a b.yaml'])).toBe('/etc/a b.yaml');
  });

  it('is left to the parser where anything else stands in it', () => {
    for (const line of [
      '',
      'status',
      'run --help',
      'run -h',
      'run --config',
      'run --config=',
      '--version',
    ]) {
      expect(plainRunConfig(line.split(' ').filter(Boolean))).toBeUndefined();
    }
    expect(plainRunConfig(['run', '--config', ''])).toBeUndefined();
    expect(plainRunConfig(['run', '--config', '--help'])).toBeUndefined();
    expect(plainRunConfig(['run', 'x', '--config', 'a.yaml'])).toBeUndefined();
    expect(plainRunConfig(['run', '--config', 'a.yaml', '--config', 'b.yaml'])).toBeUndefined();
    expect(plainRunConfig(['check', '--config', 'a.yaml'])).toBeUndefined();
  });
});
