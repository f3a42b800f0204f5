/** Cursors are opaque to clients: they hold the id of the last row, and a version to tell them apart. */
const PREFIX = 'a1';

export function printCursor(id: string): string {
  return Buffer.from(`${PREFIX}${id}`, 'utf8').toString('base64url');
}

/** Undefined: not one of ours. */
export function parseCursor(cursor: string): string | undefined {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const isOurs = text.startsWith(PREFIX) && printCursor(text.slice(PREFIX.length)) === cursor;
  return isOurs ? text.slice(PREFIX.length) : undefined;
}
