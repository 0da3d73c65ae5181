import { randomBytes, type webcrypto } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { errnoOf } from '../protocol/os-error.js';
import { PrivateFileError, readPrivateFile } from './private-file.js';

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
    if (!existsSync(path))
      throw new PrivateFileError(`there is no key file \`${path}\`: start the rendezvous first, it makes one`);
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

/** Where a node that is told nothing else keeps them. */
export function defaultKeyFile(env: Readonly<NodeJS.ProcessEnv> = process.env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'exec-server', 'rendezvous-keys.json');
}

/** Writes a key file with one new key unless there is a file; true: it did. Nobody ever sees half of it. */
export function createKeyFile(path: string): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${JSON.stringify(newKeyFile(), null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path); // of two nodes that start at once, one is told that there is a file
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

function newKeyFile(): KeyFile {
  return { keys: [{ id: randomBytes(4).toString('hex'), secret: randomBytes(SECRET_BYTES).toString('base64url') }] };
}
