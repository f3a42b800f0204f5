/**
 * Peer servers at the other end of real links: a network namespace of their own, joined to that of the test by
 * two pairs of virtual Ethernet, each of which can be cut. Needs to be root in the test's namespace
 * (tools/own-network.ts sees to it).
 *
 *   the test, and trunkd   wan 10.78.0.1 --- 10.78.0.2, behind it 198.51.100.0/24, by a route
 *                          lan 10.79.0.1 --- 10.79.0.2, and more addresses of 10.79.0.0/24
 */
import { execFileSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { eventually, Running } from './processes.ts';

/** The test's own address on the link `wan`. */
export const NEAR_ADDRESS = '10.78.0.1';
const ROUTED = '198.51.100.0/24';
const HOLD_SEC = '600';
const PORT = 5062;

/** Answers every OPTIONS at the addresses that it is given. */
const ANSWERER = `
const { createSocket } = require('node:dgram');
let left = process.argv.length - 1;
for (const address of process.argv.slice(1)) {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => {
    const lines = data.toString('latin1').split('\\r\\n');
    const kept = lines.filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
    socket.send(['SIP/2.0 200 OK', ...kept, 'Content-Length: 0', '', ''].join('\\r\\n'), from.port, from.address);
  });
  socket.bind(${PORT}, address, () => { left -= 1; if (left === 0) console.log('ready'); });
}`;

const LINKS = ['wan', 'lan'] as const;
type Link = (typeof LINKS)[number];

export class FarSide {
  readonly #holder: Running;
  readonly #removed = new Set<string>();
  #answerer: Running | undefined;

  private constructor(holder: Running) {
    this.#holder = holder;
  }

  /** `addresses` of both links answer OPTIONS, at port 5062. */
  static async start(addresses: readonly string[]): Promise<FarSide> {
    const script = `echo; exec sleep ${HOLD_SEC}`;
    const holder = new Running({ command: 'unshare', args: ['-n', 'sh', '-c', script] });
    await holder.until(() => holder.stdout.length > 0);
    const far = new FarSide(holder);
    const pid = String(holder.pid);
    for (const [link, net] of [
      ['wan', '10.78.0'],
      ['lan', '10.79.0'],
    ] as const) {
      run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', link, 'netns', pid);
      run('ip', 'addr', 'add', `${net}.1/24`, 'dev', link);
      far.#inside('ip', 'addr', 'add', `${net}.2/24`, 'dev', link);
      far.#inside('ip', 'link', 'set', link, 'up');
      run('ip', 'link', 'set', link, 'up');
    }
    await bothRun();
    far.addRoute();
    for (const address of addresses) far.add(address);
    const args = ['--target', pid, '--net', process.execPath, '-e', ANSWERER, ...addresses];
    far.#answerer = new Running({ command: 'nsenter', args });
    await far.#answerer.until(() => far.#answerer?.stdout.includes('ready') === true);
    return far;
  }

  static hostPort(address: string): string {
    return `${address}:${PORT}`;
  }

  cut(link: Link): void {
    run('ip', 'link', 'set', link, 'down');
  }

  /** The kernel forgets routes over a link that is cut. */
  mend(link: Link): void {
    run('ip', 'link', 'set', link, 'up');
    if (link === 'wan') this.addRoute();
  }

  addRoute(): void {
    run('ip', 'route', 'replace', ROUTED, 'via', '10.78.0.2');
  }

  dropRoute(): void {
    run('ip', 'route', 'del', ROUTED);
  }

  /** A host that is there again. */
  add(address: string): void {
    this.#inside('ip', 'addr', 'add', `${address}/32`, 'dev', linkOf(address));
    this.#removed.delete(address);
  }

  /** A host that is gone: nothing comes back from there. */
  remove(address: string): void {
    this.#inside('ip', 'addr', 'del', `${address}/32`, 'dev', linkOf(address));
    this.#removed.add(address);
  }

  /** All at once say nothing, and go on. */
  silence(isSilent: boolean): void {
    this.#answerer?.signal(isSilent ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Everything is there, and answers. */
  async restore(): Promise<void> {
    for (const link of LINKS) this.mend(link);
    await bothRun();
    for (const address of this.#removed) this.add(address);
    this.silence(false);
  }

  stop(): void {
    this.#answerer?.killTree();
    this.#holder.killTree();
  }

  #inside(...command: readonly string[]): void {
    run('nsenter', '--target', String(this.#holder.pid), '--net', ...command);
  }
}

/** The kernel may take a second to tell that a link is up, and sends over it meanwhile. */
async function bothRun(): Promise<void> {
  await eventually(() => LINKS.every((link) => link in networkInterfaces()));
}

function linkOf(address: string): Link {
  return address.startsWith('10.79.') ? 'lan' : 'wan';
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { timeout: 10_000 });
}
