import { readFile } from 'node:fs/promises';

/** Where the token of a harness is kept: one of them, or none. */
export interface TokenSource {
  authBearerToken?: string | undefined;
  /** The name of an environment variable. */
  tokenEnv?: string | undefined;
  /** A file of nothing but the token; white space around it is ignored. */
  tokenFile?: string | undefined;
}

/** There is no token where one was to be. Names the place, and never quotes what is there. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly code = 'no_token';
}

/** The token as it is now: a file may have been replaced since. Undefined: none is to be sent. Rejects with TokenError. */
export async function readToken({ authBearerToken, tokenEnv, tokenFile }: TokenSource): Promise<string | undefined> {
  if (authBearerToken !== undefined) return authBearerToken;
  if (tokenEnv !== undefined) {
    const token = process.env[tokenEnv];
    if (!token) throw new TokenError(`the environment variable \`${tokenEnv}\` is empty or not set: expected a token`);
    return token;
  }
  if (tokenFile === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(tokenFile, 'utf8');
  } catch (error) {
    throw new TokenError(`the token file cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text.trim() === '') throw new TokenError(`the token file \`${tokenFile}\` is empty`);
  return text.trim();
}

/** Throws TokenError: Node's own error about what cannot be in a header quotes it. */
export function bearerHeaders(token: string | undefined): Record<string, string> {
  if (token === undefined) return {};
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new TokenError('the token for the registry cannot be one: expected visible ASCII characters without spaces');
  }
  return { authorization: `Bearer ${token}` };
}
