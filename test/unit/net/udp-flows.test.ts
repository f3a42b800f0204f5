import { describe, expect, it } from 'vitest';
import type { UdpFlow } from '../../../src/net/udp.ts';
import { UdpFlows } from '../../../src/net/udp-flows.ts';

const flowTo = (address: string, port: number) => ({ remote: { address, port } }) as UdpFlow;

describe('the flows of a UDP socket', () => {
  it('finds a flow by address and port', () => {
    const flows = new UdpFlows(10);
    const one = flowTo('192.0.2.1', 5060);
    const other = flowTo('192.0.2.1', 5061);
    flows.add(one);
    flows.add(other);
    expect(flows.find('192.0.2.1', 5060)).toBe(one);
    expect(flows.find('192.0.2.1', 5061)).toBe(other);
    expect(flows.find('192.0.2.2', 5060)).toBeUndefined();
  });

  it('stays within its limit, and forgets those that are not met again', () => {
    const flows = new UdpFlows(100);
    const regular = flowTo('192.0.2.1', 5060);
    flows.add(regular);
    for (let port = 1; port <= 10_000; port += 1) {
      flows.add(flowTo('198.51.100.1', port));
      expect(flows.size).toBeLessThanOrEqual(100);
      if (port % 20 === 0) expect(flows.find('192.0.2.1', 5060)).toBe(regular);
    }
    expect(flows.find('198.51.100.1', 1)).toBeUndefined();
    expect(flows.find('198.51.100.1', 10_000)).toBeDefined();
  });

  it('takes a new flow to an address it knows instead of the old one', () => {
    const flows = new UdpFlows(4);
    flows.add(flowTo('192.0.2.1', 5060));
    for (let port = 1; port <= 2; port += 1) flows.add(flowTo('192.0.2.2', port));
    const moved = flowTo('192.0.2.1', 5060);
    flows.add(moved);
    for (let port = 3; port <= 3; port += 1) flows.add(flowTo('192.0.2.2', port));
    expect(flows.find('192.0.2.1', 5060)).toBe(moved);
  });
});
