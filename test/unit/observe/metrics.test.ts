/** The metrics page: what it says, and that table and page are one. */
import { describe, expect, it } from 'vitest';
import { instant } from '../../../src/core/base/instant.ts';
import { METRICS } from '../../../src/observe/metric-names.ts';
import {
  A_CAUSE,
  aPeerServer,
  aRegistration,
  aRegistrationSpec,
  FakeHealthBook,
  FakeRegistrationBook,
} from '../../support/fake-books.ts';
import { aServer, type Rig, type RigOptions } from '../../support/observers.ts';

async function page(rig: Rig): Promise<string> {
  let text = '';
  for await (const chunk of rig.metrics.render()) text += chunk;
  return text;
}

async function pageOf(options: RigOptions): Promise<string[]> {
  return (await page(await aServer(options))).split('\n');
}

describe('metrics', () => {
  it('the page holds each family of the table once, and no other', async () => {
    const rig = await aServer();
    const heads = [...(await page(rig)).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    const found = Object.fromEntries(heads.map(([, name, kind]) => [name, kind]));
    const table = Object.entries(METRICS).map(([name, { kind }]) => [name, kind]);
    expect(found).toEqual(Object.fromEntries(table));
    expect(heads).toHaveLength(table.length);
  });

  it('every series has the labels of the table, and no family is torn apart', async () => {
    const lines = await pageOf({});
    const order: string[] = [];
    for (const line of lines) {
      const [, name = '', labels = ''] = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
      if (name === '') continue;
      const family = name.replace(/_(?:bucket|sum|count)$/, '');
      const row = METRICS[(family in METRICS ? family : name) as keyof typeof METRICS];
      expect(row, name).toBeDefined();
      const names = [...labels.matchAll(/([a-z_]+)="/g)].map(([, label]) => label);
      expect(names.filter((label) => label !== 'le')).toEqual(row.labels);
      if (order.at(-1) !== family) order.push(family);
    }
    expect(new Set(order).size).toBe(order.length);
  });

  it('shows the labels of contracts, peer servers and registrations', async () => {
    const madrid = aPeerServer('acme/madrid');
    const labels = { customer: 'big', note: 'a "b"\\c\nd' };
    const peers = new FakeHealthBook([{ ...madrid, spec: { ...madrid.spec, labels } }]);
    const registrations = new FakeRegistrationBook([aRegistration('alice'), aRegistration('bob')]);
    const rig = await aServer({ registrations, peers });
    rig.metrics.perRegistration = 1;
    const lines = (await page(rig)).split('\n').filter((line) => /_label\{/.test(line));
    expect(lines).toEqual([
      'trunkd_registration_label{contract="acme",registration="alice",label="customer",value="big"} 1',
      'trunkd_peer_server_label{contract="acme",peer_server="madrid",label="customer",value="big"} 1',
      'trunkd_peer_server_label{contract="acme",peer_server="madrid",label="note",value="a \\"b\\"\\\\c\\nd"} 1',
    ]);
  });

  it('says what the books say', async () => {
    const registrations = new FakeRegistrationBook([
      aRegistration('alice'),
      aRegistration('bob', { state: 'waiting', bound: false, expiresAt: undefined }),
    ]);
    const peers = new FakeHealthBook([
      aPeerServer('acme/madrid'),
      aPeerServer('acme/paris', { state: 'down', enabled: false, rttMs: undefined }),
    ]);
    const lines = await pageOf({ registrations, peers });
    expect(lines).toEqual(
      expect.arrayContaining([
        'trunkd_registrations{contract="acme",state="registered"} 1',
        'trunkd_registrations{contract="acme",state="waiting"} 1',
        'trunkd_registrations{contract="acme",state="rejected"} 0',
        'trunkd_registration_bound{contract="acme",registration="alice"} 1',
        'trunkd_registration_bound{contract="acme",registration="bob"} 0',
        'trunkd_registration_expires_timestamp_seconds{contract="acme",registration="alice"} 1767323646',
        'trunkd_registrations_stuck 0',
        'trunkd_peer_servers{contract="acme",state="down"} 1',
        'trunkd_peer_server_enabled{contract="acme",peer_server="madrid"} 1',
        'trunkd_peer_server_enabled{contract="acme",peer_server="paris"} 0',
        'trunkd_peer_server_rtt_seconds{contract="acme",peer_server="madrid"} 0.01234',
        'trunkd_messages_dropped_total{reason="parse"} 3',
        'trunkd_retransmissions_total 4',
        'trunkd_open_connections 2',
        'trunkd_local_socket_open{local_socket="udp"} 1',
        'trunkd_udp_receive_buffer_bytes{local_socket="udp6"} 4096',
        'trunkd_udp_drops_total{local_socket="udp"} 3',
        'trunkd_tls_certificate_not_after_timestamp_seconds{role="own",name="tls"} 1767323045',
        'trunkd_local_socket_open{local_socket="tls"} 0',
        'trunkd_messages_sent_total{transport="udp"} 8',
        'trunkd_messages_received_total{transport="stream"} 9',
        'trunkd_requests_answered_total{status="405"} 1',
        'trunkd_transactions{side="client"} 5',
        'trunkd_verdicts_frozen 0',
        'trunkd_build_info{version="1.2.3",node="v24"} 1',
      ]),
    );
    expect(lines.filter((line) => /expires_timestamp.*bob|rtt_seconds.*paris/.test(line))).toEqual(
      [],
    );
  });

  it('series of single registrations stop at the limit, and the rest is counted', async () => {
    const rows = ['a', 'b', 'c'].map((id) => aRegistration(id));
    const lines = await pageOf({
      registrations: new FakeRegistrationBook(rows),
      perRegistration: 2,
    });
    expect(lines.filter((line) => line.startsWith('trunkd_registration_bound{'))).toHaveLength(2);
    expect(lines).toContain('trunkd_registration_series_omitted 1');
  });

  it('counts events', async () => {
    const rig = await aServer();
    const at = instant(0);
    const target = 'udp:192.0.2.1:5060';
    const common = { type: 'registration.answered', at, contract: 'acme', target } as const;
    const answered = { ...common, requests: 2, fault: undefined };
    rig.metrics.receive({ ...answered, code: 200 });
    rig.metrics.receive({ ...answered, code: 'timeout', requests: 1 });
    rig.metrics.receive({
      type: 'probe.finished',
      at,
      contract: 'acme',
      peerServer: 'acme/madrid',
      target: 'udp:192.0.2.1:5060',
      verdict: 'good',
      code: 200,
      rttMs: 30,
    });
    rig.metrics.receive({
      type: 'registration.changed',
      at,
      spec: aRegistrationSpec('alice'),
      from: 'refreshFailing',
      state: 'waiting',
      bound: false,
      isLapse: true,
      cause: A_CAUSE,
      nextAttemptAt: at,
    });
    rig.metrics.configLoaded(true);
    const text = (await page(rig)).split('\n');
    expect(text).toEqual(
      expect.arrayContaining([
        'trunkd_register_requests_total{contract="acme",code="200"} 1',
        'trunkd_register_requests_total{contract="acme",code="challenged"} 1',
        'trunkd_register_requests_total{contract="acme",code="timeout"} 1',
        'trunkd_probes_total{contract="acme",verdict="good"} 1',
        'trunkd_probe_rtt_seconds_bucket{le="0.025",contract="acme"} 0',
        'trunkd_probe_rtt_seconds_bucket{le="0.05",contract="acme"} 1',
        'trunkd_probe_rtt_seconds_count{contract="acme"} 1',
        'trunkd_registration_lapses_total{contract="acme"} 1',
        'trunkd_config_last_reload_success 1',
        'trunkd_config_last_reload_success_timestamp_seconds 1767323055',
      ]),
    );
  });

  it('an id cannot break out of its label', async () => {
    const rows = [aRegistration('a"b\\c\nd')];
    const lines = await pageOf({ registrations: new FakeRegistrationBook(rows) });
    expect(lines).toContain(
      'trunkd_registration_bound{contract="acme",registration="a\\"b\\\\c\\nd"} 1',
    );
  });
});
