import type { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CertificateBook } from '../../../src/net/certificates.ts';
import type { NetNotice } from '../../../src/net/notice.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-03-01T00:00:00Z');

function aBook() {
  const time = new VirtualTime();
  const begin = time.now();
  const notices: NetNotice[] = [];
  const ports = {
    clock: time,
    timers: time.timers,
    notify: (notice: NetNotice) => notices.push(notice),
  };
  const book = new CertificateBook(ports, () => START_MS + (time.now() - begin));
  return { book, time, told: () => notices.splice(0).map(({ text }) => text) };
}

/** What the book reads of a certificate. */
function aCertificate(days: number, fingerprint256 = 'AA'): X509Certificate {
  const validToDate = new Date(START_MS + days * DAY_MS);
  return { validToDate, fingerprint256, subject: 'C=ES\nCN=acme.test' } as X509Certificate;
}

describe('the book of certificates', () => {
  it('warns 30, 14, 7 and 1 days before the end, and at the end, once each', () => {
    const { book, time, told } = aBook();
    book.sawPeer('acme', 'tls', aCertificate(40));
    const at: number[] = [];
    for (let day = 0; day < 45; day += 1) {
      time.run(DAY_MS);
      // The server is met again and again.
      book.sawPeer('acme', 'tls', aCertificate(40));
      for (const text of told()) {
        at.push(39 - day);
        expect(text).toContain('The certificate of acme expire');
      }
    }
    expect(at).toEqual([30, 14, 7, 1, 0]);
  });

  it('begins with what holds already, and anew for another certificate', () => {
    const { book, told } = aBook();
    book.sawPeer('acme', 'tls', aCertificate(5));
    expect(told()).toEqual([
      'The certificate of acme expires at 2026-03-06T00:00:00.000Z, in 5 days.',
    ]);
    book.sawPeer('acme', 'tls', aCertificate(5));
    expect(told()).toEqual([]);
    book.sawPeer('acme', 'tls', aCertificate(1, 'BB'));
    expect(told()).toEqual([
      'The certificate of acme expires at 2026-03-02T00:00:00.000Z, in 24 hours.',
    ]);
    book.sawPeer('acme', 'tls', aCertificate(-1, 'CC'));
    expect(told()).toEqual(['The certificate of acme expired at 2026-02-28T00:00:00.000Z.']);
    expect(book.rows()).toMatchObject([{ subject: 'C=ES, CN=acme.test', fingerprint: 'CC' }]);
  });

  it('forgets the servers that it has not met for longest', () => {
    const { book } = aBook();
    for (let index = 0; index < 1_100; index += 1) {
      book.sawPeer(`peer${index}`, 'tls', aCertificate(400));
    }
    const names = book.rows().map(({ name }) => name);
    expect([names.length, names[0], names.at(-1)]).toEqual([1024, 'peer76', 'peer1099']);
  });
});
