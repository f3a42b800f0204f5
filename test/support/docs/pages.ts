/**
 * The pages of docs/ that have their one source in tables of the code. The tests compare them with the
 * files, word for word; `vitest run --project unit test/unit/docs.test.ts -u` writes them anew.
 */
import { CONSUMER_CAUSES } from '../../../src/consumers/causes.ts';
import { FAULT_CODES } from '../../../src/core/base/fault.ts';
import { HEALTH_CAUSES } from '../../../src/core/health/causes.ts';
import { REGISTRATION_CODES } from '../../../src/core/registration/causes.ts';
import { REASONS } from '../../../src/core/routing/document.ts';
import { EXIT } from '../../../src/daemon/exit-codes.ts';
import { PROBLEMS } from '../../../src/http/problem.ts';
import { LOG_EVENTS } from '../../../src/observe/log-events.ts';
import { METRICS } from '../../../src/observe/metric-names.ts';

const GENERATED = (source: string): string =>
  `<!-- Made from ${source}: change it there, then run\n     npx vitest run --project unit test/unit/docs.test.ts -u -->\n`;

/** Rows of a Markdown table; a bar in a cell would end it. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return line(headings) + line(headings.map(() => '---')) + rows.map(line).join('');
}

const code = (word: string): string => `\`${word}\``;

export function metricsPage(): string {
  const rows = Object.entries(METRICS).map(([name, { kind, labels, help }]) => [
    code(name),
    kind,
    labels.map(code).join(', ') || '-',
    help,
  ]);
  return `${GENERATED('src/observe/metric-names.ts')}
# Metrics

\`GET /metrics\` answers in the text format of Prometheus. Units are base units (seconds, bytes). The
labels of a name are bounded by the configuration; series of single registrations stop at
\`metrics.perRegistration\`, and \`trunkd_registration_series_omitted\` tells how many are left out.

\`labels\` of the configuration are series of their own, to be joined where they are wanted:
\`trunkd_peer_server_enabled * on (contract, peer_server) group_left (value) trunkd_peer_server_label{label="customer"}\`.

${table(['metric', 'kind', 'labels', 'what it says'], rows)}
Worth an alarm:

- \`trunkd_registrations_stuck > 0\`: a bug of trunkd; please report it.
- \`rate(trunkd_registration_lapses_total[10m]) > 0\`: bindings were lost while we wanted them.
- \`sum by (contract) (trunkd_peer_server_enabled) == 0\`: a contract has no server left for calls.
- \`trunkd_registrations{state="rejected"} > 0\`: credentials or configuration, somebody has to look.
- \`trunkd_config_last_reload_success == 0\`: the file on disk is not what runs.
- \`trunkd_proxy_up == 0\`: a SIP proxy of ours is silent, and what lies behind it waits.
- \`trunkd_local_socket_open == 0\`: a local socket waits for its address.
- \`trunkd_tls_certificate_not_after_timestamp_seconds - time() < 7 * 86400\`: a certificate is about to expire.
`;
}

export function eventsPage(): string {
  const rows = Object.entries(LOG_EVENTS).map(([name, { level, fields, meaning }]) => [
    code(name),
    level,
    fields,
    meaning,
  ]);
  return `${GENERATED('src/observe/log-events.ts')}
# Events in the log

trunkd writes one JSON line for each change of state to standard output. Every line has \`level\`, \`time\`
(ISO 8601, UTC) and \`event\`; the event is constant, everything else is in fields. \`error\` means that
somebody has to act, \`warn\` that something is degraded and heals by itself, \`info\` is a change of
state, \`debug\` each transaction. Where standard output is the journal, each line starts with its
priority (\`<3>\` to \`<7>\`), which journald takes off again.

\`\`\`json
{"level":"warn","time":"2026-01-02T03:04:05.000Z","event":"registration.changed","registration":"acme-main","state":"waiting","bound":false,"cause":{"code":"timeout.response","text":"The request was sent, and no final answer came in time. At fault: the other side.","next":"Tried again. Next attempt at 2026-01-02T03:04:35.000Z."},"from":"registering","contract":"acme","labels":{"customer":"big-corp"}}
\`\`\`

${table(['event', 'level', 'fields', 'meaning'], rows)}`;
}

export function errorsPage(): string {
  const causes = (rows: Readonly<Record<string, string>>): string =>
    table(
      ['code', 'meaning'],
      Object.entries(rows).map(([name, text]) => [code(name), text]),
    );
  const health = Object.entries(HEALTH_CAUSES).map(([name, { meaning, next }]) => [
    code(name),
    meaning,
    next,
  ]);
  const consumers = Object.entries(CONSUMER_CAUSES).map(([name, { meaning, next }]) => [
    code(name),
    meaning,
    next,
  ]);
  const problems = Object.entries(PROBLEMS).map(([name, { status, meaning }]) => [
    code(`urn:trunkd:problem:${name}`),
    String(status),
    meaning,
  ]);
  const exits = Object.values(EXIT).map(({ code: status, meaning }) => [String(status), meaning]);
  return `${GENERATED('the tables of codes in src/')}
# Codes of causes and errors

Match on codes, never on texts. A \`cause\` in the log and in the API is \`{ code, text, next }\`: what
happened and whose fault it is, and what comes next.

## Faults of the world

They can be the cause of a registration and of a peer server.

${causes(FAULT_CODES)}
## Causes of registrations

${causes(REGISTRATION_CODES)}
## Causes of peer servers

${table(['code', 'meaning', 'what comes next'], health)}
## Causes of consumers

\`cause\` in \`GET /v1/consumers\` and in the event \`consumer.changed\`.

${table(['code', 'meaning', 'what comes next'], consumers)}
## Why there is no route

\`reason\` of an answer to \`GET /v1/route\` without routes.

${causes(Object.fromEntries(Object.entries(REASONS).map(([name, text]) => [`route.${name}`, text])))}
## Problems of the HTTP API

Errors are problem details (RFC 9457, \`application/problem+json\`) with \`type\`, \`title\`, \`status\` and
\`detail\`; \`badParameter\` adds \`errors\`, \`invalidConfig\` adds \`problems\`.

${table(['type', 'status', 'meaning'], problems)}
## Exit status of the command

${table(['status', 'meaning'], exits)}`;
}
