/** What metrics ask of the process and the edges. */
import type { ProcessReading, Readings, SipReading } from '../observe/readings.ts';
import type { Assembly } from './assembly.ts';
import type { OutputSink } from './log-sink.ts';
import type { Readiness } from './readiness.ts';

export function makeReadings(
  { driver, stack, transport, relay, lookup }: Assembly,
  sink: OutputSink,
  readiness: Readiness,
): Readings {
  return {
    isReady: () => readiness.isReady(),
    certificates: () => transport.certificates(),
    process: () => readProcess(driver.takeMaxLagMs(), sink.linesDropped),
    sip(): SipReading {
      const { dropped, answered } = stack.counters;
      const { client, server, resends } = stack.transactions;
      const stats = transport.stats();
      return {
        dropped,
        answered,
        relayed: relay.counters.relayed,
        relayRefused: relay.counters.refused,
        retransmissions: resends,
        keepAlivesSent: stack.flowKeeper.counters.keepAlivesSent,
        stunAnswers: stack.flowKeeper.counters.stunAnswers,
        foreignDnsAnswers: lookup.foreignCount,
        clientTransactions: client,
        serverTransactions: server,
        datagramsReceived: stats.datagramsReceived,
        datagramsSent: stats.datagramsSent,
        streamMessagesReceived: stats.streamMessagesReceived,
        streamMessagesSent: stats.streamMessagesSent,
        sendErrors: stats.sendErrors,
        connectsFailed: stats.connectsFailed,
        connectionsOpen: stats.connectionsOpen,
        udpBuffers: transport.udpBuffers(),
        localSockets: new Map(
          transport.localSockets().map(({ spec, isOpen }) => [spec.name, isOpen]),
        ),
      };
    },
  };
}

function readProcess(loopLagMs: number, logLinesDropped: number): ProcessReading {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuSec: (user + system) / 1e6,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    startedAtSec: Math.round(performance.timeOrigin / 1000),
    loopLagSec: loopLagMs / 1000,
    logLinesDropped,
  };
}
