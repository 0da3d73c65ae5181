import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { UsageError } from './usage-error.js';

/** Where a session is: at a server, or behind a registry. */
export type SessionPlace = { url: string } | { registry: string; environmentId: string };

/** A session that can be come back to, as its name stands for it. */
export interface StoredSession {
  place: SessionPlace;
  /** Whoever knows it can take the session over: the file is ours alone. */
  sessionId: string;
}

const sessionId = z.string();
const storedSessions = z.record(
  z.string(),
  z.union([
    z.object({ url: z.string(), sessionId }),
    z.object({ registry: z.string(), environmentId: z.string(), sessionId }),
  ]),
);

/** Names of sessions, in `$XDG_STATE_HOME/exec-server/sessions.json`. */
export class SessionStore {
  readonly #file: string;

  constructor(env: Readonly<NodeJS.ProcessEnv> = process.env) {
    this.#file = join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'exec-server', 'sessions.json');
  }

  async find(name: string): Promise<StoredSession | undefined> {
    const found = (await this.#load())[name];
    if (!found) return undefined;
    const { sessionId, ...place } = found;
    return { place, sessionId };
  }

  async save(name: string, { place, sessionId }: StoredSession): Promise<void> {
    const all = { ...(await this.#load()), [name]: { ...place, sessionId } };
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    const next = `${this.#file}.${process.pid}`; // renamed into place: a reader never sees half a file
    await writeFile(next, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600 });
    await rename(next, this.#file);
  }

  async #load(): Promise<z.infer<typeof storedSessions>> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
      throw error;
    }
    try {
      return storedSessions.parse(JSON.parse(text));
    } catch (error) {
      throw new UsageError(`${this.#file} cannot be read; remove it to begin anew`, { cause: error });
    }
  }
}
