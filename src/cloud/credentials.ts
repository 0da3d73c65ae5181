import { readFile } from 'node:fs/promises';
import { errnoOf, osErrorText } from '../protocol/os-error.js';
import { MAX_TOKEN_CHARACTERS } from './limits.js';

/** Who we are to a registry. */
export interface Credentials {
  /** Where they are from, for messages: never a secret. */
  readonly source: string;
  /** The headers of a request that is about to be made. Throws CredentialError. */
  headers(): Promise<Readonly<Record<string, string>>>;
}

/** There are no credentials, or they are of no use. The message says where they were looked for, and holds no secret. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
  readonly code = 'no_credentials';
}

/** Throws CredentialError when the text can be no token. */
export function bearerToken(token: string, source: string): Credentials {
  const headers = bearerHeader(token, source);
  return { source, headers: () => Promise.resolve(headers) };
}

/** A token in a file, read for every request: whoever rotates it replaces the file. */
export function bearerFile(path: string): Credentials {
  const source = `the file ${path}`;
  return { source, headers: async () => bearerHeader(await readCredentialFile(path), source) };
}

/** Throws CredentialError. */
export async function readCredentialFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CredentialError(`cannot read the file ${path}: ${osErrorText(errnoOf(error) ?? 'EIO')}`, {
      cause: error,
    });
  }
}

/** Throws CredentialError. */
export function bearerHeader(text: string, source: string): { authorization: string } {
  const token = text.trim();
  if (token === '') throw new CredentialError(`expected a token in ${source}, which is empty`);
  if (token.length > MAX_TOKEN_CHARACTERS || !/^[\x21-\x7e]+$/.test(token)) {
    throw new CredentialError(
      `expected a token in ${source}: one line of at most ${MAX_TOKEN_CHARACTERS} visible ASCII characters`,
    );
  }
  return { authorization: `Bearer ${token}` };
}
