/** The Debian packages that the tests need beside Node: real SIP servers and the tools to be unkind to them. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const PACKAGES = [
  'ca-certificates',
  'curl',
  'dbus',
  // Not dnsmasq itself, which would start a name server on this host.
  'dnsmasq-base',
  'gcc',
  'iproute2',
  'kamailio',
  'kamailio-extra-modules',
  'kamailio-json-modules',
  'kamailio-outbound-modules',
  'kamailio-tls-modules',
  'kamailio-utils-modules',
  'libc6-dev',
  'lua-cjson',
  'lua5.3',
  'nftables',
  'openssl',
  'procps',
  'python3',
  'sip-tester',
  'systemd',
  'systemd-container',
  'util-linux',
] as const;

/** Installs what is missing when that is possible; resolves to the packages that are still missing. */
export function missingPackages(): readonly string[] {
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (missing.length === 0 || process.getuid?.() !== 0) return missing;
  console.log(`Installing Debian packages: ${missing.join(' ')}`);
  withoutStartingServices(() => {
    apt('update');
    apt('install', '--yes', '--no-install-recommends', ...missing);
  });
  return PACKAGES.filter((name) => !isInstalled(name));
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg-query', ['-s', name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return stdout.includes('\nStatus: install ok installed\n');
}

function apt(...args: string[]): void {
  spawnSync('apt-get', ['-q', ...args], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Debian starts a server as soon as it is installed, unless this file says no; the tests start their own. */
function withoutStartingServices(work: () => void): void {
  if (existsSync(POLICY)) {
    work();
    return;
  }
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    rmSync(POLICY);
  }
}

const POLICY = '/usr/sbin/policy-rc.d';
