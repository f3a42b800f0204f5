/** Commands that speak to the running daemon over its API. */
import { isMap } from '../config/merge-sources.ts';
import { EXIT } from '../daemon/exit-codes.ts';
import { ApiClient } from './api-client.ts';
import { printExplanation } from './explain.ts';
import { findApi } from './find-api.ts';
import type { CliIo } from './io.ts';
import { contractPath, peerServerPath, registrationPath } from './names.ts';
import {
  printConsumers,
  printContracts,
  printFetched,
  printFreeze,
  printPause,
  printPeerServers,
  printProxies,
  printRegistrations,
  type Row,
} from './status-page.ts';

export interface ClientOptions {
  readonly config: string;
  readonly url?: string;
  readonly tokenFile?: string;
}

/** Reading 100,000 registrations takes its time. */
const RELOAD_TIMEOUT_MS = 120_000;

/** The registrar has its time to answer. */
const FETCH_TIMEOUT_MS = 30_000;

const LISTS = [
  ['peeringContracts', '/v1/peering-contracts'],
  ['peerServers', '/v1/peer-servers'],
  ['registrations', '/v1/registrations'],
  ['proxies', '/v1/proxies'],
  ['consumers', '/v1/consumers'],
] as const;

export async function runStatus(
  options: ClientOptions,
  isJson: boolean,
  io: CliIo,
): Promise<number> {
  const client = await connect(options, io);
  if (isJson) await writeJson(client, io);
  else await writeTables(client, io);
  return EXIT.ok.code;
}

/** One object with the verdicts (frozen, paused) and the lists, their rows as the API gives them; written page by page. */
async function writeJson(client: ApiClient, io: CliIo): Promise<void> {
  let text = `{\n"verdicts":${JSON.stringify(await client.get('/v1/verdicts'))}`;
  for (const [name, path] of LISTS) {
    text += `,\n"${name}":[`;
    let isFirst = true;
    for await (const row of client.rows(path)) {
      text += `${isFirst ? '' : ','}\n${JSON.stringify(row)}`;
      isFirst = false;
      if (text.length < 65_536) continue;
      io.out(text);
      text = '';
    }
    text += ']';
  }
  io.out(`${text}\n}\n`);
}

async function writeTables(client: ApiClient, io: CliIo): Promise<void> {
  const read = async (path: string): Promise<Row[]> => {
    const rows: Row[] = [];
    for await (const row of client.rows(path)) rows.push(row);
    return rows;
  };
  const { frozen, paused } = await client.get('/v1/verdicts');
  const parts = [
    printFreeze(frozen),
    printPause(paused),
    printContracts(await read('/v1/peering-contracts'), io.isColoured),
    printProxies(await read('/v1/proxies'), io.isColoured),
    printConsumers(await read('/v1/consumers'), io.isColoured),
    printPeerServers(await read('/v1/peer-servers'), io.isColoured),
    printRegistrations(await read('/v1/registrations'), io.isColoured),
  ].filter((part) => part !== '');
  io.out(parts.length === 0 ? 'Nothing is configured.\n' : parts.join('\n'));
}

export async function runReload(
  options: ClientOptions,
  force: boolean,
  io: CliIo,
): Promise<number> {
  const client = await connect(options, io);
  const report = await client.post('/v1/commands', { command: 'reload', force }, RELOAD_TIMEOUT_MS);
  const { unchanged, peerServers } = report;
  io.out(`applied: registrations: ${counted(report)}, ${unchanged} unchanged\n`);
  if (isMap(peerServers)) io.out(`applied: peer servers: ${counted(peerServers)}\n`);
  for (const warning of listOf(report['warnings'])) io.out(`warning: ${warning}\n`);
  const keys = listOf(report['restartNeeded']);
  if (keys.length > 0) io.out(`these keys wait for a restart: ${keys.join(', ')}\n`);
  return EXIT.ok.code;
}

export async function runRegister(options: ClientOptions, id: string, io: CliIo): Promise<number> {
  const client = await connect(options, io);
  const path = `${registrationPath(id)}/commands`;
  await client.post(path, { command: 'register' });
  io.out(`${id} registers now; see: trunkd status\n`);
  return EXIT.ok.code;
}

export interface OrderOptions extends ClientOptions {
  readonly reason?: string;
  readonly until?: string;
  /** The name is that of a contract. */
  readonly contract?: boolean;
}

/** `pause` and `resume`: all registrations. */
export async function runPause(
  options: OrderOptions,
  command: 'pause' | 'resume',
  io: CliIo,
): Promise<number> {
  const client = await connect(options, io);
  const { reason, until } = options;
  await client.post('/v1/commands', { command, reason, until });
  io.out(`${command} accepted; see: trunkd status\n`);
  return EXIT.ok.code;
}

/** `drain`, `off`, `up` for a registration, a peer server or a contract; `unregister`, `forget`. */
export async function runOrder(
  options: OrderOptions,
  command: string,
  id: string,
  io: CliIo,
): Promise<number> {
  const client = await connect(options, io);
  const { reason, until } = options;
  await client.post(`${pathOf(id, command, options.contract === true)}/commands`, {
    command,
    reason,
    until,
  });
  io.out(`${id}: ${command} accepted; see: trunkd status\n`);
  return EXIT.ok.code;
}

/** `freeze`, `thaw`. */
export async function runFreeze(
  { reason, until, ...options }: OrderOptions,
  command: 'freeze' | 'thaw',
  io: CliIo,
): Promise<number> {
  const client = await connect(options, io);
  await client.post('/v1/commands', { command, reason, until });
  io.out(command === 'freeze' ? 'verdicts are frozen\n' : 'verdicts are no longer frozen\n');
  return EXIT.ok.code;
}

function pathOf(id: string, command: string, isContract: boolean): string {
  if (isContract) return contractPath(id);
  const isOfRegistrations = command === 'unregister' || command === 'forget';
  return isOfRegistrations || !id.includes('/') ? registrationPath(id) : peerServerPath(id);
}

/** Every binding that the registrar holds for the account. */
export async function runFetchBindings(
  options: ClientOptions,
  id: string,
  isJson: boolean,
  io: CliIo,
): Promise<number> {
  const client = await connect(options, io);
  const path = `${registrationPath(id)}/fetch-bindings`;
  const answer = await client.post(path, {}, FETCH_TIMEOUT_MS);
  const items = Array.isArray(answer['items']) ? answer['items'].filter(isMap) : [];
  io.out(isJson ? `${JSON.stringify(answer, undefined, 2)}\n` : printFetched(items, io.isColoured));
  const isWhole = items.every((item) => Array.isArray(item['bindings']));
  return isWhole ? EXIT.ok.code : EXIT.failure.code;
}

export async function runProbe(options: ClientOptions, id: string, io: CliIo): Promise<number> {
  const client = await connect(options, io);
  await client.post(`${peerServerPath(id)}/commands`, { command: 'probe' });
  io.out(`${id} is probed now; see: trunkd status\n`);
  return EXIT.ok.code;
}

/** Why a peer server is enabled or not. */
export async function runExplain(options: ClientOptions, id: string, io: CliIo): Promise<number> {
  const client = await connect(options, io);
  const rows = {
    server: await client.get(peerServerPath(id)),
    contract: await client.get(contractPath(id.split('/')[0] ?? '')),
    verdicts: await client.get('/v1/verdicts'),
  };
  io.out(printExplanation(rows));
  return EXIT.ok.code;
}

async function connect(options: ClientOptions, io: CliIo): Promise<ApiClient> {
  const { url, token } = await findApi(options, io);
  return new ApiClient(url, token);
}

function counted({ added, changed, removed }: Readonly<Record<string, unknown>>): string {
  return `${added} added, ${changed} changed, ${removed} removed`;
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
