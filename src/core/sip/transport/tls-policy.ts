import type { TlsPolicy } from './ports.ts';

/**
 * Equal for equal policies, and for no others: what was checked by one policy must never serve another
 * (connections, CVE-2020-15260; probes that several servers share).
 */
export function tlsPolicyKey(policy: TlsPolicy): string {
  const { verify, identity, allowWildcard, minVersion } = policy;
  const { otherIdentities = [], fingerprints = [] } = policy;
  const names = [identity, ...otherIdentities].join(',').toLowerCase();
  return `${verify} ${minVersion} ${allowWildcard} ${names} ${fingerprints.join(',')}`;
}
