import { readdirSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { success } from '../../../../../src/core/base/fault.ts';
import { parseMessage } from '../../../../../src/core/sip/message/parse.ts';
import { validateRequest } from '../../../../../src/core/sip/message/validate.ts';
import { fieldOf } from '../../../../support/recording-transport.ts';
import {
  answer,
  EGRESS,
  FROM_PROXY,
  fieldsOf,
  flowOn,
  inDialog,
  only,
  PROVIDER,
  PROXY,
  RelayRig,
  requestText,
  status,
  TOP_VIA,
  UDP,
  vias,
} from '../../../../support/relay-rig.ts';

let rig: RelayRig;

beforeEach(() => {
  rig = new RelayRig();
});

describe('responses', () => {
  it('go back over the flow of their request, without our Via and what only we may say', () => {
    const flow = flowOn('tls', { address: PROVIDER.address, port: 5061 }, 'tls');
    const wire = rig.relayed({}, flow);
    const back = only(
      rig.receive(answer(wire, '180 Ringing', 'X-Trunkd-Local: 1', 'X-Kept: 1'), FROM_PROXY),
    );
    expect(back.flow).toBe(flow);
    expect(fieldsOf(back.wire, 'Via')).toEqual(fieldsOf(wire, 'Via').slice(1));
    expect(back.wire).toMatch(/^SIP\/2\.0 180 Ringing\r\n/);
    expect(back.wire).not.toContain('X-Trunkd');
    expect(fieldOf(back.wire, 'X-Kept')).toBe('1');
  });

  it('find our Via in a line with others', () => {
    const wire = rig.relayed();
    const joined = answer(wire, '200 OK').replace(
      vias(wire),
      `v: ${fieldsOf(wire, 'Via').join(', ')}`,
    );
    expect(fieldsOf(only(rig.receive(joined, FROM_PROXY)).wire, 'Via')).toEqual(
      fieldsOf(wire, 'Via').slice(1),
    );
  });

  it('keep every octet of the Via below ours', () => {
    const below = 'Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKdef;x=\xc3\xa0';
    const wire = rig.relayed({ vias: [TOP_VIA, below] });
    const joined = answer(wire, '200 OK').replace(
      vias(wire),
      `Via: ${fieldsOf(wire, 'Via').join(', ')}`,
    );
    const [top, ...more] = fieldsOf(only(rig.receive(joined, FROM_PROXY)).wire, 'Via');
    expect([top, more]).toEqual([fieldsOf(wire, 'Via').slice(1).join(', '), []]);
  });

  it('are taken from the proxy only, and only with a branch of ours', () => {
    const wire = rig.relayed();
    expect(rig.receive(answer(wire, '200 OK'), UDP)).toEqual([]);
    expect(rig.receive(answer(wire, '200 OK'), flowOn(EGRESS, PROVIDER))).toEqual([]);
    expect(rig.refused('source')).toBe(2);
    const mangled = answer(wire, '200 OK').replace(
      /branch=z9hG4bK-tr\.(.)/,
      'branch=z9hG4bK-tr.x$1',
    );
    expect(rig.receive(mangled, FROM_PROXY)).toEqual([]);
    expect(rig.stack.counters.dropped.get('viaCount')).toBe(1);
  });

  it('with a reason that could be read as a line end go nowhere', () => {
    const wire = rig.relayed();
    expect(rig.receive(answer(wire, '200 OK\rX-Trunkd-Local: 1'), FROM_PROXY)).toEqual([]);
    expect(rig.refused('malformed')).toBe(1);
  });

  it('take the connection of the registration where theirs is gone, if it leads to the same host', () => {
    const flow = flowOn('tcp', PROVIDER, 'tcp');
    const wire = rig.relayed({}, flow);
    flow.isOpen = false;
    expect(rig.receive(answer(wire, '200 OK'), FROM_PROXY)).toEqual([]);
    expect(rig.refused('flowGone')).toBe(1);
    rig.bound = flowOn('tcp', { address: '192.0.2.2', port: 5060 }, 'tcp');
    expect(rig.receive(answer(wire, '200 OK'), FROM_PROXY)).toEqual([]);
    rig.bound = flowOn('tcp', PROVIDER, 'tcp');
    expect(only(rig.receive(answer(wire, '200 OK'), FROM_PROXY)).flow).toBe(rig.bound);
  });
});

describe('requests inside a dialog', () => {
  it('from the proxy go down the flow, without our Routes', () => {
    const flow = flowOn('tcp', PROVIDER, 'tcp');
    const wire = rig.relayed({ lines: ['Record-Route: <sip:192.0.2.9;lr>'] }, flow);
    const sent = only(
      rig.receive(
        inDialog(wire, {
          lines: [
            ...fieldsOf(wire, 'Record-Route').map((value) => `Route: ${value}`),
            'X-Trunkd-Secret: 1',
          ],
        }),
        FROM_PROXY,
      ),
    );
    expect(sent.flow).toBe(flow);
    expect(fieldsOf(sent.wire, 'Route')).toEqual(['<sip:192.0.2.9;lr>']);
    expect(sent.wire).toMatch(/^BYE sip:caller@192\.0\.2\.1:5060 SIP/);
    expect(fieldsOf(sent.wire, 'Via')[0]).toMatch(
      /^SIP\/2\.0\/TCP 198\.51\.100\.7:5070;rport;branch=/,
    );
    expect(sent.wire).not.toContain('X-Trunkd');
    const back = only(rig.receive(answer(sent.wire, '200 OK'), flow));
    expect(back.flow.remote).toEqual(PROXY);
    expect(back.flow.localSocket).toBe(EGRESS);
  });

  it('from the provider go to the proxy, which one its Route says', () => {
    rig.located = success([
      { protocol: 'udp', family: 4, ...PROXY },
      { protocol: 'udp', family: 4, address: '127.0.0.2', port: 5060 },
    ]);
    const invite = only(rig.receive(requestText(), UDP));
    const routes = [...fieldsOf(invite.wire, 'Record-Route')]
      .reverse()
      .map((one) => `Route: ${one}`);
    for (const address of ['127.0.0.1', '127.0.0.2']) {
      const lines = [...routes, `Route: <sip:${address};lr>`];
      const bye = requestText({ method: 'BYE', to: 'To: <sip:a@b>;tag=t', lines });
      const sent = only(rig.receive(bye, UDP));
      expect(sent.flow.remote.address).toBe(address);
      expect(fieldsOf(sent.wire, 'Route')).toEqual([`<sip:${address};lr>`]);
      expect(rig.asked.at(-1)?.registration).toBe('acme-main');
    }
  });

  it('are undone what a strict router did: our URI is the Request-URI, the true one the last Route', () => {
    const wire = rig.relayed();
    const [own = ''] = fieldsOf(wire, 'Record-Route');
    const sent = only(
      rig.receive(
        inDialog(wire, { uri: own.slice(1, -1), lines: ['Route: <sip:caller@192.0.2.1:5060>'] }),
        FROM_PROXY,
      ),
    );
    expect(sent.wire).toMatch(/^BYE sip:caller@192\.0\.2\.1:5060 SIP/);
    expect(fieldsOf(sent.wire, 'Route')).toEqual([]);
    expect(sent.flow.remote).toEqual(PROVIDER);
  });

  it('find the connection that the registration has now, after a restart of ours as well', () => {
    const wire = rig.relayed({}, flowOn('tcp', PROVIDER, 'tcp'));
    rig = new RelayRig();
    const gone = only(rig.receive(inDialog(wire), FROM_PROXY));
    expect(status(gone.wire)).toBe('430');
    rig.bound = flowOn('tcp', { address: '192.0.2.2', port: 5060 }, 'tcp');
    expect(only(rig.receive(inDialog(wire), FROM_PROXY)).flow).toBe(rig.bound);
  });

  it('with a token of another host are refused', () => {
    const wire = rig.relayed();
    rig = new RelayRig({ secret: 'another one' });
    expect(status(only(rig.receive(inDialog(wire), FROM_PROXY)).wire)).toBe('403');
  });

  it('are refused where the token was cut, doubled or turned around', () => {
    const wire = rig.relayed();
    const [route = ''] = fieldsOf(wire, 'Record-Route');
    const [, user = ''] = /sip:(.*)@/.exec(route) ?? [];
    const mangled = [
      user.slice(0, -1),
      `${user}0`,
      `${user}~${user}`,
      user.replace('acme', 'evil'),
      `trunkd.${'x'.repeat(5000)}`,
    ];
    for (const one of mangled) {
      const lines = [`Route: <sip:${one}@127.0.0.1:5090;lr>`];
      expect(status(only(rig.receive(inDialog(wire, { lines }), FROM_PROXY)).wire), one).toBe(
        '403',
      );
    }
    expect(rig.refused('token')).toBe(mangled.length);
  });

  it('are recognised with escapes in the token', () => {
    const wire = rig.relayed();
    const lines = fieldsOf(wire, 'Record-Route').map(
      (one) => `Route: ${one.replaceAll('~', '%7e')}`,
    );
    expect(only(rig.receive(inDialog(wire, { lines }), FROM_PROXY)).flow.remote).toEqual(PROVIDER);
  });
});

describe('the messages of RFC 4475', () => {
  const folder = 'test/vectors/torture';
  const names = readdirSync(folder).filter((name) => name.endsWith('.dat'));

  it.each(names)('%s makes one message at most, and a sound one', (name) => {
    const wire = readFileSync(`${folder}/${name}`, 'latin1');
    for (const flow of [UDP, flowOn('tcp', PROVIDER, 'tcp'), FROM_PROXY]) {
      const sent = rig.receive(wire, flow);
      expect(sent.length).toBeLessThanOrEqual(1);
      for (const one of sent) expectSound(one.wire, wire.includes('OPTIONS'));
    }
  });

  it('are all there', () => {
    expect(names.length).toBeGreaterThanOrEqual(50);
  });
});

/** A request that was relayed, or an answer of ours; OPTIONS are answered with 200. */
function expectSound(wire: string, isOptions: boolean): void {
  const parsed = parseMessage(wire, 'stream');
  if (parsed.ok && parsed.message.kind === 'request') {
    expect(validateRequest(parsed.message)).toBeUndefined();
    expect(parsed.message.count('x-trunkd-source')).toBe(1);
  } else expect(status(wire)).toMatch(isOptions ? /^(200|[45]\d\d)$/ : /^[45]\d\d$/);
}
