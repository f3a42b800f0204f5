/** Maps that forget their oldest entry instead of growing without end. */

/** Puts an entry in as the newest one, also where its key was there before. */
export function putNewest<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  forgetOldest(map, most);
}

/** To be called after each entry that was added: where there are more than `most`, the oldest one goes. */
export function forgetOldest<K>(map: Map<K, unknown>, most: number): void {
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
