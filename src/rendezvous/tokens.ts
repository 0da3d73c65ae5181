import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { RendezvousError } from './errors.js';
import { type Identity, isEnvironmentPattern, roles } from './identity.js';
import { signClaims, verifyClaims } from './signed-claims.js';
import type { SigningKeys } from './signing-keys.js';

const AUDIENCE = 'registry';

const claims = z.looseObject({
  sub: z.string().min(1).max(256),
  role: z.enum(roles),
  environments: z.array(z.string().refine(isEnvironmentPattern)).min(1),
});

export interface TokenOptions extends Identity {
  expiresAtMs: number;
}

/** What an operator gives to an executor or a harness. It cannot be taken back before it expires, except with its key. */
export function issueToken(keys: SigningKeys, options: TokenOptions): Promise<string> {
  const { subject, role, environments, expiresAtMs } = options;
  const checked = claims.parse({ sub: subject, role, environments, jti: randomUUID() });
  return signClaims(keys, { audience: AUDIENCE, claims: checked, expiresAtMs });
}

/** Throws RendezvousError `unauthorized`. */
export async function verifyToken(keys: SigningKeys, token: string): Promise<Identity> {
  try {
    const { sub, role, environments } = claims.parse(await verifyClaims(keys, AUDIENCE, token));
    return { subject: sub, role, environments };
  } catch (error) {
    const why = error instanceof RendezvousError ? error.message : 'it is none of ours, or not for this';
    throw new RendezvousError('unauthorized', `the token is not good: ${why}`, { cause: error });
  }
}
