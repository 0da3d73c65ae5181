import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

/** Each adds the certificates of a PEM file to those that Node trusts anyway. */
const VARIABLES = ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'CODEX_CA_CERTIFICATE'] as const;

const PEM_CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** The certificates that an environment variable asks for cannot be had. */
export class CaCertificateError extends Error {
  override readonly name = 'CaCertificateError';
  readonly code = 'ca_certificates_unusable';
}

/** What TLS connections trust; undefined: what Node trusts by itself. Throws a CaCertificateError naming the variable. */
export function trustFrom(env: NodeJS.ProcessEnv): tls.SecureContext | undefined {
  const extra = VARIABLES.flatMap((variable) => certificatesOf(variable, env[variable]));
  if (extra.length === 0) return undefined;
  return tls.createSecureContext({ ca: [...trustedAnyway(), ...extra] });
}

function trustedAnyway(): readonly string[] {
  // Newer Node: also what its own options (--use-system-ca) add.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return getCACertificates?.('default') ?? tls.rootCertificates;
}

function certificatesOf(variable: string, path: string | undefined): string[] {
  if (!path) return [];
  const certificates = read(variable, path).match(PEM_CERTIFICATE) ?? [];
  if (certificates.length === 0) throw unusable(variable, path, 'it holds no PEM certificate');
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw unusable(variable, path, 'a certificate in it is malformed', cause);
    }
  }
  return certificates;
}

function read(variable: string, path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    throw unusable(variable, path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function unusable(variable: string, path: string, why: string, cause?: unknown): CaCertificateError {
  return new CaCertificateError(
    `the certificates of the environment variable ${variable} (${path}) cannot be used: ${why}; correct the file or unset it`,
    { cause },
  );
}
