import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from '../harness/index.js';

export interface Certificate {
  key: string;
  cert: string;
}

export interface Authority {
  /** The certificate of the authority, to be trusted. */
  file: string;
  issue(options?: { names?: string; expired?: boolean }): Certificate;
}

/** A certificate authority of the test's own, made with openssl. */
export function createAuthority(): Authority {
  const directory = scratchDirectory();
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '30',
    '-subj',
    '/CN=Test Authority',
  );
  let issued = 0;
  return {
    file: join(directory, 'ca.pem'),
    issue({ names = 'DNS:localhost,IP:127.0.0.1', expired = false } = {}) {
      const name = `leaf-${issued++}`;
      writeFileSync(join(directory, `${name}.ext`), `subjectAltName=${names}\n`);
      openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      const sign = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
      // Negative days end before they began.
      openssl('x509', '-req', '-in', `${name}.csr`, ...sign, '-days', expired ? '-1' : '30', '-out', `${name}.pem`);
      const read = (file: string) => readFileSync(join(directory, file), 'utf8');
      return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
    },
  };
}
