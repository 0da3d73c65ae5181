import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type {
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { z } from 'zod';
import { McpConfigError } from './errors.js';
import { withFileLock } from './file-lock.js';

/** What is kept of a login to one server. */
export interface Login {
  /** As which client we are registered with the authorisation server. */
  client?: StoredOAuthClientInformation | undefined;
  tokens?: StoredOAuthTokens | undefined;
  /** Where the authorisation server is, and what it can do. */
  discovery?: OAuthDiscoveryState | undefined;
}

const loginFile = z.record(
  z.string(),
  z.looseObject({
    client: z.looseObject({ client_id: z.string() }).optional(),
    tokens: z.looseObject({ access_token: z.string() }).optional(),
    discovery: z.looseObject({ authorizationServerUrl: z.string() }).optional(),
  }),
);

/**
 * Logins to MCP servers, in a file of mode 0600 that several processes may use at once. Every method rejects with
 * McpConfigError for a file that others may read or that cannot be understood.
 */
export class LoginFile {
  readonly path: string;

  /** Default: `$XDG_STATE_HOME/exec-server/mcp-logins.json`, where XDG_STATE_HOME defaults to `~/.local/state`. */
  constructor(path: string = defaultPath()) {
    this.path = path;
  }

  async find(key: string): Promise<Login | undefined> {
    const all = await this.#load();
    return Object.hasOwn(all, key) ? all[key] : undefined;
  }

  /** Puts what `change` makes of a login in its place; undefined removes it. */
  async update(key: string, change: (login: Login) => Login | undefined): Promise<void> {
    await this.#locked('', async () => {
      const { [key]: login = {}, ...others } = await this.#load();
      const changed = change(login);
      const all = changed === undefined ? others : { ...others, [key]: changed };
      // A file of our own, renamed: a reader never sees half of it, and nobody has prepared it for us.
      const next = `${this.path}.${randomBytes(6).toString('hex')}`;
      try {
        await writeFile(next, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' });
        await rename(next, this.path);
      } catch (error) {
        await rm(next, { force: true });
        throw error;
      }
    });
  }

  /** Runs `action` while no other process does so for the same login. `update` is allowed meanwhile. */
  exclusively<T>(key: string, action: () => Promise<T>): Promise<T> {
    return this.#locked(`.${createHash('sha256').update(key).digest('hex').slice(0, 12)}`, action);
  }

  async #locked<T>(suffix: string, action: () => Promise<T>): Promise<T> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    return withFileLock(`${this.path}${suffix}.lock`, action);
  }

  async #load(): Promise<Record<string, Login>> {
    const text = await this.#read();
    if (text === undefined) return {};
    try {
      return loginFile.parse(JSON.parse(text)) as Record<string, Login>;
    } catch {
      // The error is not kept as a cause: it may quote a token.
      throw new McpConfigError(this.path, 'cannot be understood; remove it and log in again');
    }
  }

  async #read(): Promise<string | undefined> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(this.path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      // Of the file that is open, not of whatever has the name by then.
      const mode = (await file.stat()).mode & 0o777;
      if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
        const problem = `holds tokens, expected mode 0600, has 0${mode.toString(8)}: run \`chmod 600\` on it, and log in again if others could have read it`;
        throw new McpConfigError(this.path, problem);
      }
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  }
}

/**
 * Under what the login to a server is kept. What is reached by https is the same from everywhere. A plain `http` URL, such
 * as one of loopback, is another server in every environment, and none is sent another's token.
 */
export function loginKey(url: string, placeId: string): string {
  const { href, protocol } = new URL(url);
  return protocol === 'https:' ? href : `${placeId} ${href}`;
}

function defaultPath(env: Readonly<NodeJS.ProcessEnv> = process.env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'exec-server', 'mcp-logins.json');
}
