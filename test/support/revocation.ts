/** What an authority says about certificates that it has revoked, made with openssl. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { IdentityName, Pki } from './pki.ts';
import { run } from './processes.ts';

const CONFIG = `[ca]
default_ca = test
[test]
database = DIRECTORY/index.txt
default_md = sha256
`;

/** A list (RFC 5280 section 5) that holds these certificates; PEM text. */
export async function revocationList(pki: Pki, revoked: readonly IdentityName[]): Promise<string> {
  await writeIndex(pki, revoked);
  const configFile = pki.path('ca.cnf');
  writeFileSync(configFile, CONFIG.replace('DIRECTORY', pki.path('.')));
  await run('openssl', [
    ...['ca', '-gencrl', '-config', configFile, '-keyfile', pki.caKeyFile, '-cert', pki.caFile],
    ...['-crldays', '1', '-out', pki.path('crl.pem')],
  ]);
  return readFileSync(pki.path('crl.pem'), 'utf8');
}

/** An OCSP response (RFC 6960) about one certificate; DER. */
export async function ocspResponse(
  pki: Pki,
  name: IdentityName,
  isRevoked: boolean,
): Promise<Buffer> {
  await writeIndex(pki, isRevoked ? [name] : []);
  await run('openssl', [
    ...['ocsp', '-index', pki.path('index.txt'), '-CA', pki.caFile, '-rsigner', pki.caFile],
    ...['-rkey', pki.caKeyFile, '-issuer', pki.caFile, '-cert', pki.of(name).certificateFile],
    ...['-ndays', '1', '-no_nonce', '-respout', pki.path(`${name}.ocsp`)],
  ]);
  return readFileSync(pki.path(`${name}.ocsp`));
}

/** The database of `openssl ca`: one line a certificate. Those that are not revoked are valid. */
async function writeIndex(pki: Pki, revoked: readonly IdentityName[]): Promise<void> {
  const lines = await Promise.all(
    revoked.map(async (name) => {
      const args = ['x509', '-noout', '-serial', '-in', pki.of(name).certificateFile];
      const serial = (await run('openssl', args)).trim().replace('serial=', '');
      return `R\t991231235959Z\t200101000000Z\t${serial}\tunknown\t/CN=${name}\n`;
    }),
  );
  writeFileSync(pki.path('index.txt'), lines.join(''));
}
