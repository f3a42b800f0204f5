/**
 * Every metric: the one table that the exporter, docs/metrics.md and its test come from. Names of
 * design.md 4 stay; base units; the labels of a name are bounded by the configuration.
 */
export interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

export const METRICS = {
  trunkd_build_info: {
    kind: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the version of trunkd and of Node.js.',
  },
  trunkd_ready: {
    kind: 'gauge',
    labels: [],
    help: '1 while the configuration is loaded and sockets and HTTP are bound.',
  },
  trunkd_registrations: {
    kind: 'gauge',
    labels: ['contract', 'state'],
    help: 'Registrations in each state.',
  },
  trunkd_registration_bound: {
    kind: 'gauge',
    labels: ['contract', 'registration'],
    help: '1 while the registrar holds our binding; for the first metrics.perRegistration registrations.',
  },
  trunkd_registration_expires_timestamp_seconds: {
    kind: 'gauge',
    labels: ['contract', 'registration'],
    help: 'When the binding ends unless it is refreshed, as Unix time; absent without a binding.',
  },
  trunkd_registration_label: {
    kind: 'gauge',
    labels: ['contract', 'registration', 'label', 'value'],
    help: 'Always 1; one series for each label of a registration (`labels`, those of its contract too), as far as it has series of its own.',
  },
  trunkd_registration_series_omitted: {
    kind: 'gauge',
    labels: [],
    help: 'Registrations without series of their own, because of metrics.perRegistration.',
  },
  trunkd_registration_other_bindings: {
    kind: 'gauge',
    labels: ['contract'],
    help: 'Bindings that registrars hold for our accounts and that are not ours; absent without any.',
  },
  trunkd_registrations_stuck: {
    kind: 'gauge',
    labels: [],
    help: 'Registrations found without a next step; anything but 0 is a bug.',
  },
  trunkd_probes_stuck: {
    kind: 'gauge',
    labels: [],
    help: 'Probes that the self-check found without a next step since the start; anything but 0 is a bug.',
  },
  trunkd_registrations_paused: {
    kind: 'gauge',
    labels: [],
    help: '1 while an operator has all registrations rest (`trunkd pause`): no REGISTER is sent.',
  },
  trunkd_register_requests_total: {
    kind: 'counter',
    labels: ['contract', 'code'],
    help: 'REGISTER requests sent, by final status code, timeout, fault, or challenged (then repeated with credentials).',
  },
  trunkd_registration_lapses_total: {
    kind: 'counter',
    labels: ['contract'],
    help: 'Bindings that ended while we wanted them.',
  },
  trunkd_peering_contract_label: {
    kind: 'gauge',
    labels: ['contract', 'label', 'value'],
    help: 'Always 1; one series for each label of a peering contract (`labels`).',
  },
  trunkd_peer_servers: {
    kind: 'gauge',
    labels: ['contract', 'state'],
    help: 'Peer servers in each state.',
  },
  trunkd_peer_server_enabled: {
    kind: 'gauge',
    labels: ['contract', 'peer_server'],
    help: '1 while calls may be sent to the peer server.',
  },
  trunkd_peer_server_last_resort: {
    kind: 'gauge',
    labels: ['contract', 'peer_server'],
    help: '1 while the peer server is to be tried after all others only.',
  },
  trunkd_peer_server_label: {
    kind: 'gauge',
    labels: ['contract', 'peer_server', 'label', 'value'],
    help: 'Always 1; one series for each label of a peer server (`labels`, those of its contract too).',
  },
  trunkd_peer_server_rtt_seconds: {
    kind: 'gauge',
    labels: ['contract', 'peer_server'],
    help: 'Smoothed round trip of the last probes; absent before the first answer.',
  },
  trunkd_probe_rtt_seconds: {
    kind: 'histogram',
    labels: ['contract'],
    help: 'Round trips of answered probes.',
  },
  trunkd_probes_total: {
    kind: 'counter',
    labels: ['contract', 'verdict'],
    help: 'Ended probes by verdict: good, impaired, bad, void.',
  },
  trunkd_notices_total: {
    kind: 'counter',
    labels: ['code'],
    help: 'Notices that changed no state, by cause code.',
  },
  trunkd_proxy_up: {
    kind: 'gauge',
    labels: ['proxy'],
    help: '1 while a SIP proxy of ours answers; while it does not, what lies behind it waits.',
  },
  trunkd_verdicts_frozen: {
    kind: 'gauge',
    labels: [],
    help: '1 while verdicts are frozen because our own side is at fault.',
  },
  trunkd_consumer_in_sync: {
    kind: 'gauge',
    labels: ['consumer'],
    help: '1 while what the consumer holds is what we told it; no series without consumers.',
  },
  trunkd_consumer_drift: {
    kind: 'gauge',
    labels: ['consumer'],
    help: 'How many things a consumer does not hold as we told it, as far as that is known; of a webhook: messages that wait.',
  },
  trunkd_messages_dropped_total: {
    kind: 'counter',
    labels: ['reason'],
    help: 'Datagrams and stream messages that were dropped, by reason.',
  },
  trunkd_retransmissions_total: {
    kind: 'counter',
    labels: [],
    help: 'Requests sent again by timer E, without an answer so far.',
  },
  trunkd_keep_alives_sent_total: {
    kind: 'counter',
    labels: [],
    help: 'Keep-alives over UDP: STUN requests and double CRLFs.',
  },
  trunkd_stun_answers_total: {
    kind: 'counter',
    labels: [],
    help: 'STUN answers to our keep-alives.',
  },
  trunkd_dns_foreign_answers_total: {
    kind: 'counter',
    labels: [],
    help: 'Messages to our resolver that were no answer to what it asked: forged, late or garbage.',
  },
  trunkd_messages_received_total: {
    kind: 'counter',
    labels: ['transport'],
    help: 'SIP messages received: datagrams, and messages cut from streams.',
  },
  trunkd_messages_sent_total: {
    kind: 'counter',
    labels: ['transport'],
    help: 'SIP messages sent: datagrams, and messages on streams.',
  },
  trunkd_send_errors_total: {
    kind: 'counter',
    labels: [],
    help: 'Messages that the kernel refused to send.',
  },
  trunkd_requests_answered_total: {
    kind: 'counter',
    labels: ['status'],
    help: 'Requests of others that were answered, by status.',
  },
  trunkd_relayed_messages_total: {
    kind: 'counter',
    labels: ['kind', 'direction'],
    help: 'Messages of calls that arrived at us and were relayed: requests and responses, toProxy (inbound.forwardTo) and toProvider.',
  },
  trunkd_relay_refused_total: {
    kind: 'counter',
    labels: ['reason'],
    help: 'Messages of calls that were not relayed, by reason.',
  },
  trunkd_transactions: {
    kind: 'gauge',
    labels: ['side'],
    help: 'SIP transactions that are held now.',
  },
  trunkd_connects_failed_total: {
    kind: 'counter',
    labels: [],
    help: 'TCP and TLS connections that could not be made.',
  },
  trunkd_open_connections: {
    kind: 'gauge',
    labels: [],
    help: 'Open TCP and TLS connections.',
  },
  trunkd_udp_receive_buffer_bytes: {
    kind: 'gauge',
    labels: ['local_socket'],
    help: 'The receive buffer that the kernel granted to a UDP socket.',
  },
  trunkd_udp_drops_total: {
    kind: 'counter',
    labels: ['local_socket'],
    help: 'Datagrams that the kernel dropped because the receive buffer of a UDP socket was full; Linux only.',
  },
  trunkd_local_socket_open: {
    kind: 'gauge',
    labels: ['local_socket'],
    help: '1 while the local socket is open, 0 while it waits for its address.',
  },
  trunkd_tls_certificate_not_after_timestamp_seconds: {
    kind: 'gauge',
    labels: ['role', 'name'],
    help: 'When a certificate expires, as Unix time: role own by local socket, role peer by identity and target of the server.',
  },
  trunkd_config_last_reload_success: {
    kind: 'gauge',
    labels: [],
    help: '1 when the last load of the configuration was applied, 0 when it was refused.',
  },
  trunkd_config_last_reload_success_timestamp_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'When a configuration was last applied, as Unix time.',
  },
  trunkd_log_lines_dropped_total: {
    kind: 'counter',
    labels: [],
    help: 'Log lines left out because standard output took them too slowly.',
  },
  trunkd_event_loop_lag_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'The longest delay of the event loop since the last scrape.',
  },
  process_cpu_seconds_total: {
    kind: 'counter',
    labels: [],
    help: 'CPU time of the process, user and system.',
  },
  process_resident_memory_bytes: {
    kind: 'gauge',
    labels: [],
    help: 'Resident memory of the process.',
  },
  process_start_time_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'When the process started, as Unix time.',
  },
  nodejs_heap_size_used_bytes: {
    kind: 'gauge',
    labels: [],
    help: "Used part of the JavaScript engine's heap.",
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type MetricName = keyof typeof METRICS;

/** Upper bounds of the buckets of trunkd_probe_rtt_seconds; 4 s is the default time-out. */
export const RTT_BUCKETS_SEC: readonly number[] = [
  0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8,
];
