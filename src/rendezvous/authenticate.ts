import type { IncomingMessage } from 'node:http';
import type { AwsCredentials } from './aws-credentials.js';
import { RendezvousError } from './errors.js';
import type { Identity } from './identity.js';
import type { SigningKeys } from './signing-keys.js';
import { SIGV4_SCHEME, verifySigV4 } from './sigv4.js';
import { verifyToken } from './tokens.js';

export interface Authentication {
  keys: SigningKeys;
  awsCredentials: AwsCredentials;
}

/** Who asks. `readBody`: only asked for where the signature covers it. Throws RendezvousError `unauthorized`. */
export async function authenticate(
  request: IncomingMessage,
  { keys, awsCredentials }: Authentication,
  readBody: () => Promise<Buffer>,
): Promise<Identity> {
  const authorization = request.headers.authorization ?? '';
  const [scheme = '', token = ''] = authorization.split(' ', 2);
  if (scheme.toLowerCase() === 'bearer') return verifyToken(keys, token);
  if (scheme !== SIGV4_SCHEME) {
    throw new RendezvousError(
      'unauthorized',
      authorization === ''
        ? 'no credentials: expected `authorization: Bearer TOKEN`, or a request signed with AWS Signature Version 4'
        : 'unknown credentials: expected `authorization: Bearer TOKEN`, or a request signed with AWS Signature Version 4',
    );
  }
  const { method = '', url = '', headers } = request;
  const plain = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : (value ?? '')]),
  );
  return verifySigV4({ method, url, headers: plain, body: await readBody() }, awsCredentials);
}
