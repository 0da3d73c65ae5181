import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { RendezvousError } from './errors.js';
import type { SigningKeys } from './signing-keys.js';

const ISSUER = 'exec-server-rendezvous';

interface Signed {
  /** What it is good for: nothing that was signed for one purpose passes for another. */
  audience: string;
  claims: JWTPayload;
  expiresAtMs: number;
}

/** Tokens and tickets alike: JWTs with HMAC-SHA-256. */
export function signClaims(keys: SigningKeys, { audience, claims, expiresAtMs }: Signed): Promise<string> {
  const kid = keys.signingKeyId;
  const key = keys.get(kid);
  if (!key) throw new Error(`there is no key \`${kid}\``);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid })
    .setIssuer(ISSUER)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(Math.ceil(expiresAtMs / 1000))
    .sign(key);
}

/** Throws RendezvousError `unauthorized`; `url_expired` for what is too old. */
export async function verifyClaims(keys: SigningKeys, audience: string, text: string): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(
      text,
      ({ kid }) => {
        const key = keys.get(kid);
        if (!key) throw new errors.JWSSignatureVerificationFailed();
        return key;
      },
      { algorithms: ['HS256'], issuer: ISSUER, audience, requiredClaims: ['exp', 'jti', 'sub'] },
    );
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) {
      const at = new Date((error.payload.exp ?? 0) * 1000).toISOString();
      throw new RendezvousError('url_expired', `it expired at ${at}`, { cause: error });
    }
    if (error instanceof errors.JOSEError) {
      throw new RendezvousError('unauthorized', 'it is none of ours, or not for this', { cause: error });
    }
    throw error;
  }
}
