import { createHash, timingSafeEqual } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentials } from './aws-credentials.js';
import { RendezvousError } from './errors.js';
import type { Identity } from './identity.js';

/** How far the clock of an executor may be off. As AWS. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000;

export const SIGV4_SCHEME = 'AWS4-HMAC-SHA256';

export interface SignedRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/**
 * Verifies AWS Signature Version 4 in the `authorization` header by signing the same request with the secret we know. Host, date and body must be
 * signed. Throws RendezvousError `unauthorized`.
 */
export async function verifySigV4(request: SignedRequest, credentials: AwsCredentials): Promise<Identity> {
  const { accessKeyId, day, region, service, signedHeaders, signature } = readAuthorization(
    request.headers.authorization ?? '',
  );
  const date = readDate(request.headers['x-amz-date']);
  if (isoDay(date) !== day) throw refused('the date of its scope is not that of `x-amz-date`');
  if (Math.abs(Date.now() - date.getTime()) > MAX_CLOCK_SKEW_MS) {
    throw refused(`it was made at ${date.toISOString()}, and here it is ${new Date().toISOString()}`);
  }
  for (const name of ['host', 'x-amz-date']) {
    if (!signedHeaders.has(name)) throw refused(`\`${name}\` must be signed`);
  }
  checkBodyHash(request);
  const credential = credentials.get(accessKeyId);
  if (!credential) throw refused('the access key is none of those that were configured');
  const expected = await sign(request, {
    credentials: { accessKeyId, secretAccessKey: credential.secretAccessKey },
    region,
    service,
    date,
    signedHeaders,
  });
  const given = Buffer.from(signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw refused('it does not fit the request');
  return credential.identity;
}

interface SigningOptions {
  credentials: { accessKeyId: string; secretAccessKey: string };
  region: string;
  service: string;
  date: Date;
  signedHeaders: ReadonlySet<string>;
}

/** The signature that whoever knows the secret makes of the request. */
async function sign(request: SignedRequest, options: SigningOptions): Promise<Buffer> {
  const { credentials, region, service, date, signedHeaders } = options;
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256, applyChecksum: false });
  const url = new URL(request.url, 'http://host');
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => signedHeaders.has(name)));
  const query: Record<string, string[]> = {};
  for (const name of new Set(url.searchParams.keys())) query[name] = url.searchParams.getAll(name);
  const signed = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: 'host',
      path: url.pathname,
      query,
      headers,
      body: request.body,
    },
    { signingDate: date, signableHeaders: new Set(signedHeaders) },
  );
  return Buffer.from(/Signature=([0-9a-f]+)$/.exec(signed.headers.authorization ?? '')?.[1] ?? '', 'hex');
}

function readAuthorization(text: string) {
  const fields = new Map<string, string>();
  for (const part of text.slice(SIGV4_SCHEME.length).split(',')) {
    const [name = '', value = ''] = part.trim().split(/=(.*)/s, 2);
    fields.set(name, value);
  }
  const scope = (fields.get('Credential') ?? '').split('/');
  const [accessKeyId = '', day = '', region = '', service = '', terminator] = scope;
  const signature = fields.get('Signature') ?? '';
  if (scope.length !== 5 || terminator !== 'aws4_request' || !/^[0-9a-f]{64}$/.test(signature)) {
    throw refused('expected `Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=…, Signature=…`');
  }
  const signedHeaders = new Set((fields.get('SignedHeaders') ?? '').split(';'));
  return { accessKeyId, day, region, service, signedHeaders, signature };
}

/** `20260801T120000Z` */
function readDate(text: string | undefined): Date {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '');
  const date = new Date(match ? `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z` : '');
  if (Number.isNaN(date.getTime())) throw refused('`x-amz-date` is missing, or is no date');
  return date;
}

function isoDay(date: Date): string {
  return date.toISOString().slice(0, 10).replaceAll('-', '');
}

/** A hash that is given takes the place of the body in what is signed, so it must be that of the body. */
function checkBodyHash({ headers, body }: SignedRequest): void {
  const given = headers['x-amz-content-sha256'];
  if (given === undefined || given === createHash('sha256').update(body).digest('hex')) return;
  throw refused('`x-amz-content-sha256` is not the hash of the body');
}

function refused(why: string): RendezvousError {
  return new RendezvousError('unauthorized', `the AWS signature is not good: ${why}`);
}
