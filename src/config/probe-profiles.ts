/**
 * Probe profiles: sets of keys of the section `probe` by name. Everything that a profile does not set
 * comes from further away; own sets have their place in `presets`.
 */

/** In the order of the reference. */
export const PROBE_PROFILES = [
  'standard',
  'strict',
  'anyResponse',
  'teams',
  'cisco',
  'freeswitch',
  'fast',
] as const;

export type ProbeProfile = (typeof PROBE_PROFILES)[number];

interface ProfileKeys {
  readonly interval?: string;
  readonly timeout?: string;
  readonly fall?: number;
  readonly rise?: number;
  readonly recheck?: string;
  readonly answers?: string;
}

const PACE = { interval: '30s', timeout: '4s', fall: 3, rise: 2, recheck: '1s' } as const;

const KEYS: Readonly<Record<ProbeProfile, ProfileKeys>> = {
  standard: { ...PACE, answers: 'standard' },
  strict: { answers: 'strict' },
  anyResponse: { answers: 'anyResponse' },
  // Microsoft wants an OPTIONS a minute, and answers each with 200.
  teams: { ...PACE, interval: '60s', answers: 'teams' },
  cisco: { answers: 'cisco' },
  freeswitch: { answers: 'freeswitch' },
  // Silence is noticed within half an interval and two seconds, still with three misses.
  fast: { interval: '5s', timeout: '2s', fall: 3, rise: 2, recheck: '500ms' },
};

/** A section with its profile written out: what stands beside the profile wins. */
export function withProfile<Section extends { readonly profile?: ProbeProfile | undefined }>(
  section: Section,
): Section {
  return section.profile === undefined ? section : { ...KEYS[section.profile], ...section };
}
