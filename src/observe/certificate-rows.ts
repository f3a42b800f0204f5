/** What the API shows of certificates. */
import type { CertificateReading } from './readings.ts';

const DAY_MS = 86_400_000;

export interface CertificateRow {
  readonly role: 'own' | 'peer';
  readonly name: string;
  readonly localSocket: string;
  readonly subject: string;
  readonly fingerprint: string;
  readonly notAfter: string;
  /** Whole days that are left; negative: it has expired. */
  readonly daysLeft: number;
}

/** `own udp`, `peer sip.acme.example at 192.0.2.1:5061`: unique, and what the list is ordered by. */
export function certificateId({ role, name }: CertificateReading): string {
  return `${role} ${name}`;
}

export function certificateRow(reading: CertificateReading, nowMs: number): CertificateRow {
  const { role, name, localSocket, subject, fingerprint, notAfterMs } = reading;
  return {
    role,
    name,
    localSocket,
    subject,
    fingerprint,
    notAfter: new Date(notAfterMs).toISOString(),
    daysLeft: Math.floor((notAfterMs - nowMs) / DAY_MS),
  };
}
