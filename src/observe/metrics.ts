/**
 * The metrics: a subscriber that counts events with prom-client, and a writer that reads the books
 * when it is asked. Never called from the logic itself.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { HealthBook } from '../core/health/snapshot.ts';
import type { RegistrationBook } from '../core/registration/snapshot.ts';
import type { ProxyBook } from '../core/sip/proxy/events.ts';
import type { ConsumerReading, ConsumerReadings } from './consumer-rows.ts';
import { EventTally, SampleTally } from './event-tally.ts';
import type { CoreEvent } from './events.ts';
import { renderFamily, renderHistogram, type Sample } from './exposition.ts';
import { METRICS, type MetricName, RTT_BUCKETS_SEC } from './metric-names.ts';
import type { CertificateReading, Readings, SipReading } from './readings.ts';
import type { WallClock } from './wall-clock.ts';

export interface MetricsOptions {
  readonly registrations: RegistrationBook;
  readonly health: HealthBook;
  readonly proxies?: ProxyBook;
  readonly consumers?: ConsumerReadings;
  readonly readings: Readings;
  readonly wallClock: WallClock;
  readonly version: string;
  readonly node: string;
  readonly perRegistration: number;
}

export class Metrics {
  /** Registrations that get series of their own; the rest is counted as omitted. */
  perRegistration: number;
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #registerRequests: Counter;
  readonly #lapses: Counter;
  readonly #probes: Counter;
  readonly #notices: Counter;
  readonly #requestTally = new EventTally();
  readonly #probeTally = new EventTally();
  readonly #rttTally = new SampleTally(RTT_BUCKETS_SEC);
  readonly #reloadSuccess: Gauge;
  readonly #reloadAt: Gauge;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.perRegistration = options.perRegistration;
    this.#registerRequests = new Counter(this.#family('trunkd_register_requests_total'));
    this.#lapses = new Counter(this.#family('trunkd_registration_lapses_total'));
    this.#probes = new Counter(this.#family('trunkd_probes_total'));
    this.#notices = new Counter(this.#family('trunkd_notices_total'));
    this.#reloadSuccess = new Gauge(this.#family('trunkd_config_last_reload_success'));
    this.#reloadAt = new Gauge(this.#family('trunkd_config_last_reload_success_timestamp_seconds'));
  }

  /** A subscriber of the event hub. */
  receive(event: CoreEvent): void {
    switch (event.type) {
      case 'registration.answered':
        this.#requestTally.count(event.contract, event.code);
        if (event.requests > 1) {
          this.#requestTally.count(event.contract, 'challenged', event.requests - 1);
        }
        return;
      case 'registration.changed':
        if (event.isLapse) {
          this.#lapses.inc({ contract: event.spec.profile.contract });
        }
        return;
      case 'probe.finished':
        this.#probeTally.count(event.contract, event.verdict);
        if (event.rttMs !== undefined) {
          this.#rttTally.add(event.contract, event.rttMs / 1000);
        }
        return;
      case 'registration.noticed':
      case 'peerServer.noticed':
        this.#notices.inc({ code: event.cause.code });
        return;
      default:
    }
  }

  /** Tells how the last load of the configuration ended. */
  configLoaded(isApplied: boolean): void {
    this.#reloadSuccess.set(isApplied ? 1 : 0);
    if (isApplied) this.#reloadAt.set(Math.round(this.#options.wallClock.nowMs() / 1000));
  }

  /** The whole page in chunks; the loop may turn between two of them. */
  async *render(): AsyncGenerator<string> {
    this.#tellTallies();
    yield `${await this.#registry.metrics()}\n`;
    yield* renderHistogram('trunkd_probe_rtt_seconds', RTT_BUCKETS_SEC, this.#rttTally.rows());
    for (const [name, samples] of this.#readFamilies()) {
      for (const text of renderFamily(name, samples)) {
        yield text;
        await nextTurn();
      }
    }
  }

  #tellTallies(): void {
    this.#requestTally.take((contract, code, count) =>
      this.#registerRequests.inc({ contract, code }, count),
    );
    this.#probeTally.take((contract, verdict, count) =>
      this.#probes.inc({ contract, verdict }, count),
    );
  }

  #family(name: MetricName): {
    name: string;
    help: string;
    labelNames: string[];
    registers: [Registry];
  } {
    const { help, labels } = METRICS[name];
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  #readFamilies(): [MetricName, Iterable<Sample>][] {
    const { registrations, readings, version, node } = this.#options;
    const process = readings.process();
    const sip = readings.sip();
    return [
      ['trunkd_build_info', [{ labels: [version, node], value: 1 }]],
      ['trunkd_ready', one(readings.isReady() ? 1 : 0)],
      ['trunkd_registrations', this.#registrationStates()],
      ['trunkd_registration_bound', this.#bound()],
      ['trunkd_registration_expires_timestamp_seconds', this.#expiries()],
      ['trunkd_registration_label', this.#registrationLabels()],
      ['trunkd_registration_series_omitted', one(this.#omitted())],
      ['trunkd_registration_other_bindings', byLabel(registrations.otherBindings())],
      ['trunkd_registrations_stuck', one(registrations.stuck)],
      ['trunkd_probes_stuck', one(this.#options.health.stuck)],
      ['trunkd_registrations_paused', one(registrations.paused !== undefined ? 1 : 0)],
      ['trunkd_peering_contract_label', this.#contractLabels()],
      ['trunkd_peer_servers', this.#peerStates()],
      ['trunkd_peer_server_enabled', this.#peers((peer) => (peer.enabled ? 1 : 0))],
      ['trunkd_peer_server_last_resort', this.#peers((peer) => (peer.lastResort ? 1 : 0))],
      ['trunkd_peer_server_label', this.#peerLabels()],
      ['trunkd_peer_server_rtt_seconds', this.#peers((peer) => seconds(peer.rttMs))],
      ['trunkd_proxy_up', this.#proxies()],
      ['trunkd_verdicts_frozen', one(this.#options.health.freeze === undefined ? 0 : 1)],
      ['trunkd_consumer_in_sync', this.#consumers(({ state }) => (state === 'inSync' ? 1 : 0))],
      ['trunkd_consumer_drift', this.#consumers(({ drift }) => drift)],
      ['trunkd_messages_dropped_total', byLabel(sip.dropped)],
      ['trunkd_retransmissions_total', one(sip.retransmissions)],
      ['trunkd_keep_alives_sent_total', one(sip.keepAlivesSent)],
      ['trunkd_stun_answers_total', one(sip.stunAnswers)],
      ['trunkd_dns_foreign_answers_total', one(sip.foreignDnsAnswers)],
      ['trunkd_requests_answered_total', byLabel(sip.answered)],
      ['trunkd_relayed_messages_total', relayed(sip)],
      ['trunkd_relay_refused_total', byLabel(sip.relayRefused)],
      ...sipFamilies(sip),
      [
        'trunkd_tls_certificate_not_after_timestamp_seconds',
        certificateEnds(readings.certificates()),
      ],
      ['trunkd_log_lines_dropped_total', one(process.logLinesDropped)],
      ['trunkd_event_loop_lag_seconds', one(process.loopLagSec)],
      ['process_cpu_seconds_total', one(process.cpuSec)],
      ['process_resident_memory_bytes', one(process.residentBytes)],
      ['process_start_time_seconds', one(process.startedAtSec)],
      ['nodejs_heap_size_used_bytes', one(process.heapUsedBytes)],
    ];
  }

  *#consumers(read: (reading: ConsumerReading) => number): Generator<Sample> {
    for (const [name, reading] of this.#options.consumers?.() ?? []) {
      yield { labels: [name], value: read(reading) };
    }
  }

  *#proxies(): Generator<Sample> {
    const { proxies } = this.#options;
    for (const name of proxies?.names() ?? []) {
      const value = proxies?.snapshot(name)?.state === 'up' ? 1 : 0;
      yield { labels: [name], value };
    }
  }

  *#registrationStates(): Generator<Sample> {
    for (const [contract, states] of this.#options.registrations.counts()) {
      for (const [state, value] of Object.entries(states))
        yield { labels: [contract, state], value };
    }
  }

  *#bound(): Generator<Sample> {
    for (const row of this.#shown()) {
      yield { labels: [row.spec.profile.contract, row.spec.id], value: row.bound ? 1 : 0 };
    }
  }

  *#expiries(): Generator<Sample> {
    const { wallClock } = this.#options;
    for (const { spec, bound, expiresAt } of this.#shown()) {
      if (!bound || expiresAt === undefined) continue;
      yield { labels: [spec.profile.contract, spec.id], value: wallClock.wallMs(expiresAt) / 1000 };
    }
  }

  *#registrationLabels(): Generator<Sample> {
    for (const { spec } of this.#shown()) {
      const { contract, labels } = spec.profile;
      yield* labelSamples([contract, spec.id], labels);
    }
  }

  *#contractLabels(): Generator<Sample> {
    const { health } = this.#options;
    for (const name of health.contracts())
      yield* labelSamples([name], health.contract(name)?.spec.labels ?? {});
  }

  *#peerLabels(): Generator<Sample> {
    const { health } = this.#options;
    for (const id of health.peerServers()) {
      const spec = health.peerServer(id)?.spec;
      if (spec !== undefined) yield* labelSamples([spec.contract, spec.name], spec.labels);
    }
  }

  *#shown(): Generator<NonNullable<ReturnType<RegistrationBook['snapshot']>>> {
    const { registrations } = this.#options;
    let left = this.perRegistration;
    for (const id of registrations.ids()) {
      if (left === 0) return;
      left -= 1;
      const row = registrations.snapshot(id);
      if (row !== undefined) yield row;
    }
  }

  #omitted(): number {
    let total = 0;
    for (const states of this.#options.registrations.counts().values()) {
      for (const count of Object.values(states)) total += count;
    }
    return Math.max(0, total - this.perRegistration);
  }

  *#peerStates(): Generator<Sample> {
    const { health } = this.#options;
    for (const name of health.contracts()) {
      const counts = { unknown: 0, up: 0, impaired: 0, down: 0 };
      for (const peer of health.contract(name)?.peerServers ?? []) counts[peer.state] += 1;
      for (const [state, value] of Object.entries(counts)) yield { labels: [name, state], value };
    }
  }

  /** `read` gives undefined where the peer server has no such series. */
  *#peers(
    read: (peer: NonNullable<ReturnType<HealthBook['peerServer']>>) => number | undefined,
  ): Generator<Sample> {
    const { health } = this.#options;
    for (const id of health.peerServers()) {
      const peer = health.peerServer(id);
      const value = peer === undefined ? undefined : read(peer);
      if (peer === undefined || value === undefined) continue;
      yield { labels: [peer.spec.contract, peer.spec.name], value };
    }
  }
}

function* labelSamples(
  of: readonly string[],
  labels: Readonly<Record<string, string>>,
): Generator<Sample> {
  for (const [label, value] of Object.entries(labels))
    yield { labels: [...of, label, value], value: 1 };
}

function one(value: number): readonly Sample[] {
  return [{ labels: [], value }];
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function sipFamilies(sip: SipReading): [MetricName, Iterable<Sample>][] {
  return [
    [
      'trunkd_messages_received_total',
      perTransport(sip.datagramsReceived, sip.streamMessagesReceived),
    ],
    ['trunkd_messages_sent_total', perTransport(sip.datagramsSent, sip.streamMessagesSent)],
    ['trunkd_send_errors_total', one(sip.sendErrors)],
    [
      'trunkd_transactions',
      [
        { labels: ['client'], value: sip.clientTransactions },
        { labels: ['server'], value: sip.serverTransactions },
      ],
    ],
    ['trunkd_connects_failed_total', one(sip.connectsFailed)],
    ['trunkd_open_connections', one(sip.connectionsOpen)],
    [
      'trunkd_udp_receive_buffer_bytes',
      sip.udpBuffers.map(({ localSocket, octets }) => ({ labels: [localSocket], value: octets })),
    ],
    [
      'trunkd_udp_drops_total',
      sip.udpBuffers.flatMap(({ localSocket, drops }) =>
        drops === undefined ? [] : { labels: [localSocket], value: drops },
      ),
    ],
    ['trunkd_local_socket_open', openSockets(sip.localSockets)],
  ];
}

function* relayed(sip: SipReading): Generator<Sample> {
  for (const [way, value] of sip.relayed) yield { labels: way.split(' '), value };
}

function* certificateEnds(certificates: readonly CertificateReading[]): Generator<Sample> {
  for (const { role, name, notAfterMs } of certificates)
    yield { labels: [role, name], value: notAfterMs / 1000 };
}

function* openSockets(sockets: ReadonlyMap<string, boolean>): Generator<Sample> {
  for (const [name, isOpen] of sockets) yield { labels: [name], value: isOpen ? 1 : 0 };
}

function perTransport(datagrams: number, streams: number): readonly Sample[] {
  return [
    { labels: ['udp'], value: datagrams },
    { labels: ['stream'], value: streams },
  ];
}

function* byLabel(counts: ReadonlyMap<string | number, number>): Generator<Sample> {
  for (const [label, value] of counts) yield { labels: [String(label)], value };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
