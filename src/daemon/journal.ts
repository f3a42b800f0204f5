import { fstatSync } from 'node:fs';

/**
 * True where the descriptor is the journal's own stream: `$JOURNAL_STREAM` is its `device:inode`
 * (systemd.exec(5)). A pipe or a file behind an inherited variable is not.
 */
export function isJournal(fd: number, journalStream: string | undefined): boolean {
  if (journalStream === undefined || journalStream === '') return false;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return journalStream === `${dev}:${ino}`;
}
