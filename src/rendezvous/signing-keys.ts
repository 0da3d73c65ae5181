import { randomBytes, type webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { errnoOf } from '../protocol/os-error.js';
import { readPrivateFile } from './private-file.js';

const SECRET_BYTES = 32;

const keyFile = z.object({
  keys: z
    .array(
      z.object({
        id: z.string().min(1).max(64),
        /** base64url, at least 32 bytes. */
        secret: z.string().regex(/^[A-Za-z0-9_-]{43,}$/, 'expected at least 32 bytes as base64url'),
      }),
    )
    .min(1, 'expected at least one key'),
});
type KeyFile = z.infer<typeof keyFile>;

/** The keys of a rendezvous: the first signs, all of them are good for what was signed earlier. */
export class SigningKeys {
  readonly signingKeyId: string;
  readonly #keys: ReadonlyMap<string, webcrypto.CryptoKey>;

  private constructor(signingKeyId: string, keys: ReadonlyMap<string, webcrypto.CryptoKey>) {
    this.signingKeyId = signingKeyId;
    this.#keys = keys;
  }

  /** Throws PrivateFileError. */
  static async load(path: string): Promise<SigningKeys> {
    return SigningKeys.#from(readPrivateFile(path, 'the key file', keyFile));
  }

  /** New ones, for as long as this process lives. */
  static generate(): Promise<SigningKeys> {
    return SigningKeys.#from(newKeyFile());
  }

  static async #from({ keys }: KeyFile): Promise<SigningKeys> {
    const entries = keys.map(async ({ id, secret }): Promise<[string, webcrypto.CryptoKey]> => {
      const algorithm = { name: 'HMAC', hash: 'SHA-256' };
      const bytes = Buffer.from(secret, 'base64url');
      return [id, await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify'])];
    });
    return new SigningKeys(keys[0]?.id ?? '', new Map(await Promise.all(entries)));
  }

  get(id: string | undefined): webcrypto.CryptoKey | undefined {
    return id === undefined ? undefined : this.#keys.get(id);
  }
}

/** Writes a key file with one new key unless there is a file; true: it did. */
export function createKeyFile(path: string): boolean {
  try {
    writeFileSync(path, `${JSON.stringify(newKeyFile(), null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function newKeyFile(): KeyFile {
  return { keys: [{ id: randomBytes(4).toString('hex'), secret: randomBytes(SECRET_BYTES).toString('base64url') }] };
}
