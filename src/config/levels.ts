/**
 * Defaults at every level. What a registration or peer server does not say itself comes, nearest
 * first, from: its preset, the contract's defaults, the contract's preset, the top defaults, the top
 * preset, and last from what is built in.
 */

import { withProfile } from './probe-profiles.ts';
import type { Complaint } from './problem.ts';
import type { DefaultsSettings } from './schema/contract.ts';
import { unknownName } from './suggest.ts';

/** One section of defaults, all levels laid over each other. */
export type MergedDefaults = Required<{
  readonly [Section in keyof DefaultsSettings]: NonNullable<DefaultsSettings[Section]>;
}>;

export type Presets = Readonly<Record<string, DefaultsSettings>>;

/** The levels of one contract (or of the top, before any contract). */
export class Levels {
  readonly #presets: Presets;
  readonly #merged: MergedDefaults;
  readonly #byPreset = new Map<string, MergedDefaults>();

  private constructor(presets: Presets, merged: MergedDefaults) {
    this.#presets = presets;
    this.#merged = merged;
  }

  static top(presets: Presets): Levels {
    return new Levels(presets, { registration: {}, peerServer: {}, probe: {}, tls: {} });
  }

  /** One level down: the preset first, then what is written out. */
  below(level: {
    readonly preset?: string | undefined;
    readonly defaults?: DefaultsSettings | undefined;
  }): Levels {
    const withPreset = lay(this.#merged, this.#presetNamed(level.preset));
    return new Levels(this.#presets, lay(withPreset, level.defaults));
  }

  /** What holds for an item that may name a preset of its own. */
  forItem(preset: string | undefined): MergedDefaults {
    if (preset === undefined) return this.#merged;
    const known = this.#byPreset.get(preset);
    if (known !== undefined) return known;
    const merged = lay(this.#merged, this.#presetNamed(preset));
    this.#byPreset.set(preset, merged);
    return merged;
  }

  /** Says that a preset does not exist. */
  checkPreset(preset: string | undefined): Complaint | undefined {
    if (preset === undefined || this.#presetNamed(preset) !== undefined) return undefined;
    return unknownName(['preset'], 'preset', preset, Object.keys(this.#presets));
  }

  #presetNamed(name: string | undefined): DefaultsSettings | undefined {
    if (name === undefined || !Object.hasOwn(this.#presets, name)) return undefined;
    return this.#presets[name];
  }
}

function lay(below: MergedDefaults, above: DefaultsSettings | undefined): MergedDefaults {
  if (above === undefined) return below;
  return {
    registration: overlay(below.registration, above.registration),
    peerServer: overlay(below.peerServer, above.peerServer),
    probe: overlay(below.probe, above.probe && withProfile(above.probe)),
    tls: overlay(below.tls, above.tls),
  };
}

/** What stands above wins, key by key; labels are joined. */
export function overlay<T extends object>(below: T, above: T | undefined): T {
  if (above === undefined) return below;
  const labels = { ...labelsOf(below), ...labelsOf(above) };
  const merged = { ...below, ...above };
  return Object.keys(labels).length === 0 ? merged : { ...merged, labels };
}

function labelsOf(settings: object): Readonly<Record<string, string>> {
  const labels = 'labels' in settings ? settings.labels : undefined;
  // Only sections with labels that the schema has checked come here.
  return (labels ?? {}) as Readonly<Record<string, string>>;
}
