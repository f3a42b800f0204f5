import { splitList } from '../header/name-addr.ts';
import type { SipMessage } from '../message/message.ts';

/** Every Via value in order, whichever lines they share. */
export function viaValues(message: SipMessage): readonly string[] {
  return message.all('Via').flatMap(splitList);
}
