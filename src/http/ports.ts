/** What the HTTP server may ask of the daemon: commands, and whether it lives and is ready. */

/** What came of a reload; nothing was changed unless it says `applied`. */
export type ReloadReport =
  | {
      readonly kind: 'applied';
      readonly added: number;
      readonly changed: number;
      readonly removed: number;
      readonly unchanged: number;
      readonly warnings: readonly string[];
      /** Changed keys that wait for a restart. */
      readonly restartNeeded: readonly string[];
    }
  /** The configuration has errors: each as `file:line:column: text`. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  /** It would drop too much; `force` overrules this. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Commands that change something; the daemon writes the audit line of each. */
export interface CommandPort {
  reload(force: boolean, origin: string): Promise<ReloadReport>;
  /** Registers at the next turn of the pacing; false when there is no such registration. */
  register(id: string, origin: string): boolean;
  /** Probes every target now; false when there is no such peer server. */
  probe(id: string, origin: string): boolean;
}

export interface HealthPort {
  /** False when work does not move any more: a restart would help. */
  isAlive(): boolean;
  /** True from `ready` to the beginning of the stop. */
  isReady(): boolean;
}
