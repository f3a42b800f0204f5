/** Certificates that change in their files, on virtual time and real files. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalSocketSpec } from '../../../src/core/sip/transport/ports.ts';
import { CertificateWatch } from '../../../src/daemon/certificate-watch.ts';
import { aLocalSocket } from '../../support/edge.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const LOOK_MS = 5_000;
let directory: string;
let time: VirtualTime;
let watch: CertificateWatch;
let sockets: readonly LocalSocketSpec[];
let renewed: string[];
let refused: string[];
let isBusy: boolean;

const pem = (text: string): string => `-----BEGIN ${text}-----\n`;
const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trunkd-certificates-'));
  write('own.pem', pem('first'));
  write('own.key', pem('first key'));
  const files = { certificate: join(directory, 'own.pem'), key: join(directory, 'own.key') };
  const texts = { ca: undefined, certificate: pem('first'), key: pem('first key') };
  sockets = [aLocalSocket('udp'), { ...aLocalSocket('tls'), tls: { ...texts, files } }];
  [renewed, refused, isBusy] = [[], [], false];
  time = new VirtualTime();
  watch = new CertificateWatch({
    ...{ clock: time, timers: time.timers, localSockets: () => sockets },
    renew: (specs, changed) => {
      if (isBusy) return false;
      sockets = specs;
      renewed.push(`${changed.join()}: ${specs[1]?.tls?.certificate}${specs[1]?.tls?.key}`);
      return true;
    },
    refuse: (name, reason) => refused.push(`${name}: ${reason}`),
  });
  watch.start();
  time.run(10 * LOOK_MS);
});

afterEach(() => {
  watch.stop();
  rmSync(directory, { recursive: true });
});

describe('files of certificates', () => {
  it('that stay as they are cost nothing', () => {
    time.run(100 * LOOK_MS);
    expect([renewed, refused]).toEqual([[], []]);
  });

  it('are taken up together, when both have rested for a look', () => {
    write('own.pem', pem('second, longer'));
    time.run(LOOK_MS);
    write('own.key', pem('second key, longer'));
    time.run(LOOK_MS);
    expect(renewed).toEqual([]);
    time.run(LOOK_MS);
    const name = sockets[1]?.name;
    expect(renewed).toEqual([`${name}: ${pem('second, longer')}${pem('second key, longer')}`]);
    time.run(100 * LOOK_MS);
    expect(renewed).toHaveLength(1);
  });

  it('may be replaced by another file of the same size', () => {
    write('new.pem', pem('FIRST'));
    renameSync(join(directory, 'new.pem'), join(directory, 'own.pem'));
    time.run(2 * LOOK_MS);
    expect(renewed).toHaveLength(1);
  });

  it('that are gone or hold something else are told once, and looked at again', () => {
    rmSync(join(directory, 'own.key'));
    time.run(20 * LOOK_MS);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toContain('does not exist');
    write('own.key', 'no key at all');
    time.run(20 * LOOK_MS);
    expect(refused).toHaveLength(2);
    write('own.key', pem('third key'));
    time.run(2 * LOOK_MS);
    expect(renewed).toHaveLength(1);
  });

  it('wait while a reload runs', () => {
    isBusy = true;
    write('own.pem', pem('second, longer'));
    time.run(10 * LOOK_MS);
    isBusy = false;
    time.run(LOOK_MS);
    expect(renewed).toHaveLength(1);
  });
});
