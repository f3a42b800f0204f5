import { describe, expect, it } from 'vitest';
import { HostsFile, parseHosts } from '../../../src/net/hosts-file.ts';

describe('hosts(5)', () => {
  it('reads addresses of both families, aliases and comments', () => {
    const hosts = parseHosts(
      [
        '127.0.0.1\tlocalhost',
        '::1 localhost ip6-localhost # loopback',
        '# 192.0.2.9 old.test',
        '  192.0.2.1   Sip.Test.  sip',
        '192.0.2.2 sip.test',
        '192.0.2.2 sip.test',
        'not-an-address sip.test',
        '192.0.2.3',
        '',
      ].join('\n'),
    );
    expect(Object.fromEntries(hosts)).toEqual({
      localhost: ['127.0.0.1', '::1'],
      'ip6-localhost': ['::1'],
      'sip.test': ['192.0.2.1', '192.0.2.2'],
      sip: ['192.0.2.1'],
    });
  });

  it('counts as empty while it cannot be read', () => {
    // A file for stat(2), and an error for whoever reads it from its begin.
    expect(new HostsFile('/proc/self/mem').find('sip.test')).toBeUndefined();
  });
});
