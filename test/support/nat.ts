/**
 * A home behind a NAT: two network namespaces beside the one of the test, with the kernel's own masquerading
 * between them. Needs to be root in the test's namespace (tools/own-network.ts sees to it).
 *
 *   home 192.168.77.2 --- 192.168.77.1 [ NAT ] 10.77.0.2 --- 10.77.0.1 the test, and its registrar
 */
import { execFileSync } from 'node:child_process';
import { Running } from './processes.ts';
import type { Launcher } from './trunkd.ts';
import { BIN } from './trunkd.ts';

/** The address at which the home finds servers of the test. */
export const OUTSIDE = '10.77.0.1';
/** What servers see of the home. */
export const NAT_ADDRESS = '10.77.0.2';
const HOLD_SEC = '600';

/** Forgets every mapping: an empty delete request to the kernel's table (nfnetlink_conntrack.h). */
const FLUSH = `
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.settimeout(5)
s.send(struct.pack('=IHHIIBBH', 20, (1 << 8) | 2, 5, 1, 0, 0, 0, 0))
error = struct.unpack('=i', s.recv(4096)[16:20])[0]
raise SystemExit(-error)
`;

export class NattedHome {
  readonly #nat: Running;
  readonly #home: Running;

  private constructor(nat: Running, home: Running) {
    this.#nat = nat;
    this.#home = home;
  }

  /** `ports`: those that the NAT gives out, as `40000-40010`. */
  static async start(ports: string): Promise<NattedHome> {
    const [nat, home] = await Promise.all([aNamespace(), aNamespace()]);
    const both = new NattedHome(nat, home);
    const [natPid, homePid] = [String(nat.pid), String(home.pid)];
    run('ip', 'link', 'add', 'outside', 'type', 'veth', 'peer', 'name', 'wan', 'netns', natPid);
    run('ip', 'addr', 'add', `${OUTSIDE}/24`, 'dev', 'outside');
    run('ip', 'link', 'set', 'outside', 'up');
    both.#inNat('ip', 'addr', 'add', `${NAT_ADDRESS}/24`, 'dev', 'wan');
    both.#inNat('ip', 'link', 'set', 'wan', 'up');
    both.#inNat(
      'ip',
      'link',
      'add',
      'lan',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      homePid,
    );
    both.#inNat('ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'lan');
    both.#inNat('ip', 'link', 'set', 'lan', 'up');
    both.#inNat('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    both.#inHome('ip', 'link', 'set', 'lo', 'up');
    both.#inHome('ip', 'addr', 'add', '192.168.77.2/24', 'dev', 'eth0');
    both.#inHome('ip', 'link', 'set', 'eth0', 'up');
    both.#inHome('ip', 'route', 'add', 'default', 'via', '192.168.77.1');
    both.#masquerade(ports);
    return both;
  }

  /** Starts the daemon at home. */
  get launcher(): Launcher {
    return (args) => ({ command: 'nsenter', args: [...into(this.#home), BIN, ...args] });
  }

  /** The NAT forgets everything, and gives out other ports from now on. */
  rebind(ports: string): void {
    this.#masquerade(ports);
    this.#inNat('python3', '-c', FLUSH);
  }

  stop(): void {
    this.#home.killTree();
    this.#nat.killTree();
  }

  #masquerade(ports: string): void {
    const rule = `ip protocol udp oifname "wan" masquerade to :${ports}`;
    const chain = `chain out { type nat hook postrouting priority 100; ${rule}; }`;
    this.#inNat('nft', `table ip nat { }; delete table ip nat; table ip nat { ${chain}; }`);
  }

  #inNat(...command: readonly string[]): void {
    run('nsenter', ...into(this.#nat), ...command);
  }

  #inHome(...command: readonly string[]): void {
    run('nsenter', ...into(this.#home), ...command);
  }
}

function into({ pid }: Running): readonly string[] {
  return ['--target', String(pid), '--net'];
}

/** A process that does nothing but keep a network namespace, for as long as a test may take. */
async function aNamespace(): Promise<Running> {
  const script = `echo; exec sleep ${HOLD_SEC}`;
  const holder = new Running({ command: 'unshare', args: ['-n', 'sh', '-c', script] });
  await holder.until(() => Promise.resolve(holder.stdout.length > 0));
  return holder;
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { timeout: 10_000 });
}
