/**
 * How many routes a second the API gives (`GET /v1/route`, `format=rtjson`, a token that is told the
 * credentials), as a proxy asks: one question for each call, over connections that stay.
 */
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../test/support/processes.ts';
import { Trunkd } from '../test/support/trunkd.ts';
import { cpuSec } from './process-cost.ts';
import { Responder } from './responder.ts';
import { COMMON, type Figure, figure, peerAddress } from './rows.ts';

const CONTRACTS = 1000;
const SERVERS = 4;
const QUESTIONS = 20_000;
/** Below what the API answers at most (`routesPerSec` of src/http/limits.ts). */
const PER_SEC = 4_500;
/** As many children of a proxy ask at the same time. */
const ASKERS = 8;
const TOKEN = 'of the bench, for routes';

export async function measureRoutes(): Promise<readonly Figure[]> {
  const responder = await Responder.start();
  const trunkd = await Trunkd.start(config(responder.port)).catch(async (error) => {
    await responder.stop();
    throw error;
  });
  try {
    await eventually(async () => (await responder.stats()).peers_seen >= CONTRACTS * SERVERS, {
      timeoutMs: 60_000,
    });
    const agent = new Agent({ keepAlive: true, maxSockets: ASKERS });
    await ask(trunkd.url, agent, 1000);
    const [cpuBefore, startedMs] = [cpuSec(trunkd.pid), performance.now()];
    const { refused, tookMs } = await ask(trunkd.url, agent, QUESTIONS);
    const tookSec = (performance.now() - startedMs) / 1000;
    const used = cpuSec(trunkd.pid) - cpuBefore;
    agent.destroy();
    return [
      figure('routes a second, of 4,500 asked', QUESTIONS / tookSec, ''),
      figure('CPU per 10k routes', (used / QUESTIONS) * 10_000, 's'),
      figure('slowest of a hundred', tookMs[Math.floor(QUESTIONS * 0.99)] ?? 0, 'ms'),
      figure('refused or without a route', refused, '', [0, 0]),
    ];
  } finally {
    await trunkd.stop();
    await responder.stop();
  }
}

function config(port: number) {
  return {
    ...COMMON,
    http: { tokens: [{ name: 'bench', role: 'route', token: TOKEN }] },
    peeringContracts: Array.from({ length: CONTRACTS }, (_, contract) => ({
      name: `c${contract}`,
      peerServers: Array.from({ length: SERVERS }, (_, server) => ({
        name: `s${server}`,
        sipProxy: `${peerAddress(contract * SERVERS + server)}:${port}`,
        transport: 'udp',
        requestUri: { strip: 1, prefix: '+34' },
      })),
    })),
  };
}

interface Answers {
  /** Questions that got no route. */
  readonly refused: number;
  /** From each question to the end of its answer, in order of size. */
  readonly tookMs: readonly number[];
}

/** Asks that many questions, evenly. */
async function ask(url: string, agent: Agent, questions: number): Promise<Answers> {
  let [asked, refused] = [0, 0];
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const one = async (): Promise<void> => {
    while (asked < questions) {
      asked += 1;
      const query = `contract=c${asked % CONTRACTS}&to=0${910_000_000 + asked}&from=34911000000&format=rtjson`;
      await sleep(Math.max(0, startedMs + (asked / PER_SEC) * 1000 - performance.now()));
      const askedMs = performance.now();
      if (!(await answersWithRoutes(`${url}/v1/route?${query}`, agent))) refused += 1;
      tookMs.push(performance.now() - askedMs);
    }
  };
  await Promise.all(Array.from({ length: ASKERS }, one));
  return { refused, tookMs: tookMs.sort((a, b) => a - b) };
}

function answersWithRoutes(url: string, agent: Agent): Promise<boolean> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.once('error', reject);
      answer.once('end', () => resolve(answer.statusCode === 200 && text.includes('"uri"')));
    });
    request.once('error', reject);
  });
}
