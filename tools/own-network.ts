import { spawnSync } from 'node:child_process';

const LOOPBACK_UP = 'ip link set lo up && exec "$@"';

/**
 * The words to put before a command so that it runs in a network namespace of its own, where fixed
 * ports are free and nothing leaves the machine: as root directly, else through a user namespace.
 */
export function ownNetwork(): readonly string[] {
  const flags = [['-n'], ['-U', '-r', '-n']];
  for (const some of flags) {
    const wrapper = ['unshare', ...some, 'sh', '-c', LOOPBACK_UP, 'sh'];
    const [command = '', ...args] = wrapper;
    if (spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0) return wrapper;
  }
  console.log('No network namespace may be made here: the tests use the loopback of this host.');
  return [];
}
