import { describe, expect, it } from 'vitest';
import { FlowKeeper } from '../../../../../src/core/sip/keep-alive/flow-keeper.ts';
import type { FlowNews, KeepAliveWish } from '../../../../../src/core/sip/keep-alive/ports.ts';
import { isStun } from '../../../../../src/core/sip/keep-alive/stun.ts';
import type { Flow } from '../../../../../src/core/sip/transport/ports.ts';
import { RecordingTransport, testFlow } from '../../../../support/recording-transport.ts';
import { SeededRandom } from '../../../../support/seeded-random.ts';
import { VirtualTime } from '../../../../support/virtual-time.ts';

const WISH: KeepAliveWish = { kind: 'stun', flowTimerSec: undefined, isPongDue: false };
const CRLF = '\r\n\r\n';

/** A keeper before a server that answers STUN with `mapped`, or with nothing. */
class Lab {
  readonly time = new VirtualTime();
  readonly transport = new RecordingTransport();
  readonly news: FlowNews[] = [];
  readonly flow: Flow = testFlow();
  readonly keeper: FlowKeeper;
  /** `a.b.c.d:port` in octets; undefined: no answer. */
  mapped: string | undefined;
  readonly sentAt: number[] = [];
  #answered = 0;

  constructor() {
    const { time, transport } = this;
    const ports = { clock: time, timers: time.timers, random: new SeededRandom(1), transport };
    this.keeper = new FlowKeeper(ports);
    this.keeper.onNews = (_, news) => this.news.push(news);
  }

  run(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.time.run(50);
      for (const { wire } of this.transport.sent.slice(this.#answered)) {
        this.sentAt.push(this.time.elapsedMs);
        if (isStun(wire) && this.mapped !== undefined)
          this.keeper.receive(answerTo(wire, this.mapped), this.flow);
      }
      this.#answered = this.transport.sent.length;
    }
  }

  get stunSent(): number {
    return this.transport.sent.filter(({ wire }) => isStun(wire)).length;
  }

  get crlfSent(): number {
    return this.transport.sent.filter(({ wire }) => wire === CRLF).length;
  }
}

function answerTo(request: string, mapped: string): string {
  const [, a, b, c, d, port] = /(\d+)\.(\d+)\.(\d+)\.(\d+):(\d+)/.exec(mapped) ?? [];
  const xored = Buffer.from([
    Number(a) ^ 0x21,
    Number(b) ^ 0x12,
    Number(c) ^ 0xa4,
    Number(d) ^ 0x42,
  ]);
  const portOctets = Buffer.alloc(2);
  portOctets.writeUInt16BE(Number(port) ^ 0x2112);
  const attribute = Buffer.concat([Buffer.from('002000080001', 'hex'), portOctets, xored]);
  return `\x01\x01\x00\x0c${request.slice(4)}${attribute.toString('latin1')}`;
}

describe('after a standstill', () => {
  it('asks at once whether the NAT still knows us', () => {
    const lab = new Lab();
    lab.mapped = '203.0.113.5:4000';
    lab.keeper.keep(lab.flow, WISH);
    lab.run(5_000);
    const { stunSent } = lab;
    lab.mapped = '203.0.113.5:4001';
    lab.keeper.stoodStill();
    lab.run(1_500);
    expect(lab.stunSent).toBe(stunSent + 1);
    expect(lab.news).toMatchObject([{ kind: 'moved' }]);
  });
});

describe('a UDP flow whose server answers STUN', () => {
  it('is asked every 24 to 29 s, and nothing is told while the address stays', () => {
    const lab = new Lab();
    lab.mapped = '203.0.113.5:40001';
    expect(lab.keeper.keep(lab.flow, WISH).method).toBe('stun');
    lab.run(600_000);
    const gaps = lab.sentAt.slice(1).map((at, index) => at - (lab.sentAt[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(23_900);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(29_200);
    expect(lab.crlfSent).toBe(0);
    expect(lab.news).toEqual([]);
    expect(lab.keeper.counters.stunAnswers).toBe(lab.stunSent);
  });

  it('tells within 30 s that the NAT gave us another address, once', () => {
    const lab = new Lab();
    lab.mapped = '203.0.113.5:40001';
    lab.keeper.keep(lab.flow, WISH);
    lab.run(100_000);
    lab.mapped = '203.0.113.5:40777';
    lab.run(30_000);
    const moved = { kind: 'moved', before: '203.0.113.5:40001', mapped: '203.0.113.5:40777' };
    expect(lab.news).toEqual([moved]);
    lab.run(300_000);
    expect(lab.news).toEqual([moved]);
  });

  it('is silent after seven unanswered sendings, and gets a double CRLF from then on', () => {
    const lab = new Lab();
    lab.mapped = '203.0.113.5:40001';
    const kept = lab.keeper.keep(lab.flow, WISH);
    lab.run(60_000);
    lab.mapped = undefined;
    const before = lab.stunSent;
    lab.run(80_000);
    expect(lab.news).toEqual([{ kind: 'silent' }]);
    expect(lab.stunSent - before).toBe(7);
    expect(kept.method).toBe('crlf');
    lab.run(120_000);
    expect(lab.crlfSent).toBeGreaterThanOrEqual(4);
    expect(lab.news).toHaveLength(1);
  });

  it('survives the loss of some sendings', () => {
    const lab = new Lab();
    lab.mapped = '203.0.113.5:40001';
    lab.keeper.keep(lab.flow, WISH);
    lab.run(60_000);
    lab.mapped = undefined;
    lab.run(32_000);
    lab.mapped = '203.0.113.5:40001';
    lab.run(300_000);
    expect(lab.news).toEqual([]);
  });

  it('is not told anything by a stranger, a guess, or a copy', () => {
    const lab = new Lab();
    lab.mapped = '203.0.113.5:40001';
    lab.keeper.keep(lab.flow, WISH);
    lab.run(60_000);
    const last = lab.transport.last;
    const guess = `${last.slice(0, 8)}${'\x00'.repeat(12)}`;
    expect(lab.keeper.receive(answerTo(guess, '198.51.100.1:1'), lab.flow)).toBe(false);
    expect(lab.keeper.receive(answerTo(last, '198.51.100.1:1'), testFlow())).toBe(false);
    expect(lab.keeper.receive(last, lab.flow)).toBe(false);
    expect(lab.keeper.receive(answerTo(last, '198.51.100.1:1'), lab.flow)).toBe(true);
    expect(lab.news).toEqual([]);
  });
});

describe('a UDP flow whose server has no STUN', () => {
  it('gets a double CRLF after four attempts, and STUN again after about an hour', () => {
    const lab = new Lab();
    lab.keeper.keep(lab.flow, WISH);
    lab.run(60_000);
    expect([lab.stunSent, lab.crlfSent > 0]).toEqual([4, true]);
    lab.run(3_000_000);
    expect(lab.stunSent).toBe(4);
    lab.run(1_200_000);
    expect(lab.stunSent).toBe(8);
    expect(lab.news).toEqual([]);
  });

  it('never hears of it where only CRLF is wanted', () => {
    const lab = new Lab();
    lab.mapped = '203.0.113.5:40001';
    lab.keeper.keep(lab.flow, { ...WISH, kind: 'crlf' });
    lab.run(300_000);
    expect([lab.stunSent, lab.crlfSent >= 10]).toEqual([0, true]);
  });
});

it('one timer serves a flow however often it is asked for, and none is left after its release', () => {
  const lab = new Lab();
  for (let index = 0; index < 2_000; index += 1) lab.keeper.keep(lab.flow, WISH);
  expect([lab.keeper.size, lab.time.timers.size]).toEqual([1, 1]);
  lab.keeper.release(lab.flow);
  expect([lab.keeper.size, lab.time.timers.size]).toEqual([0, 0]);
});

it('a flow timer makes it more frequent: 80 to 100 percent of it', () => {
  const lab = new Lab();
  lab.mapped = '203.0.113.5:40001';
  lab.keeper.keep(lab.flow, { ...WISH, flowTimerSec: 10 });
  lab.run(200_000);
  const gaps = lab.sentAt.slice(1).map((at, index) => at - (lab.sentAt[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(7_900);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(10_200);
  const stream = testFlow('tcp');
  lab.keeper.keep(stream, { ...WISH, flowTimerSec: 30, isPongDue: true });
  lab.keeper.keep(stream, WISH);
  expect(lab.transport.keptAlive.map(({ plan }) => plan)).toEqual([
    { intervalMs: [24_000, 30_000], isPongDue: true },
    { intervalMs: [95_000, 120_000], isPongDue: false },
  ]);
});

describe('a flow that nothing depends on any more', () => {
  it('is closed where it is a connection of one owner, and left alone otherwise', () => {
    const { keeper, transport } = new Lab();
    const [udp, shared, owned] = [
      testFlow(),
      testFlow('tcp'),
      { ...testFlow('tcp'), isOwned: true },
    ];
    for (const flow of [udp, shared, owned]) {
      keeper.keep(flow, WISH);
      keeper.release(flow);
    }
    expect(transport.closed).toEqual([]);
    for (const flow of [udp, shared, owned]) keeper.abandon(flow);
    expect(transport.closed.map(({ flow }) => flow)).toEqual([owned]);
    owned.isOpen = false;
    keeper.abandon(owned);
    expect(transport.closed).toHaveLength(1);
  });
});
