// The whole protocol in front of a sandbox that you have already. Its host implements two interfaces: ExecBackend, here by
// putting what enters the sandbox in front of every command, as `docker exec` does; and FileSystem, here on the folder that
// is the sandbox's root.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecServerClient, processId, text } from 'exec-server/client';
import {
  createExecServer,
  type ExecBackend,
  type ExecProcess,
  type FileOptions,
  type FileSystem,
  LocalBackend,
  LocalFileSystem,
  type StartParams,
} from 'exec-server/server';

const root = mkdtempSync(join(tmpdir(), 'sandbox-'));

/** For a container: ['docker', 'exec', '-i', '-w', params.cwd, ...variables, name, ...params.argv]. */
function enter({ cwd, argv, env }: StartParams): [string, ...string[]] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ['env', '-i', '-C', join(root, cwd), ...variables, ...argv];
}

class SandboxBackend implements ExecBackend {
  readonly #outside = new LocalBackend();

  async start(params: StartParams): Promise<ExecProcess> {
    if (params.sandbox) return unsupported();
    // What enters the sandbox runs outside, in our environment. Output, input, signals, terminals: all of it comes along.
    const env = { PATH: process.env.PATH ?? '' };
    return this.#outside.start({ ...params, argv: enter(params), cwd: '/', env, envPolicy: undefined });
  }

  async environmentInfo() {
    const info = await this.#outside.environmentInfo();
    return { ...info, cwd: 'file:///', shell: { name: 'sh', path: '/bin/sh' } };
  }

  close(): Promise<void> {
    return this.#outside.close();
  }
}

/** Plain joining of paths confines nobody: a real sandbox asks its own runtime for files. */
const outside = new LocalFileSystem();
const files: FileSystem = {
  readFile: async (path, options) => outside.readFile(inside(path, options)),
  writeFile: async (path, data, options) => outside.writeFile(inside(path, options), data),
  createDirectory: async (path, options) => outside.createDirectory(inside(path, options), options),
  getMetadata: async (path, options) => outside.getMetadata(inside(path, options)),
  readDirectory: async (path, options) => outside.readDirectory(inside(path, options)),
  remove: async (path, options) => outside.remove(inside(path, options), options),
  copy: async (from, to, options) => outside.copy(inside(from, options), inside(to, options), options),
  rename: async (from, to, options) => outside.rename(inside(from, options), inside(to, options), options),
  open: async (path, options) => outside.open(inside(path, options), options),
  // Answered as what they are: something that this server does not offer.
  canonicalize: unsupported,
  walk: unsupported,
  watch: unsupported,
  batch: unsupported,
};

/** Where a path of the sandbox is. What cannot be enforced is refused, never ignored: here, a client's own policy. */
function inside(path: string, { sandbox }: FileOptions = {}): string {
  if (sandbox) throw Object.assign(new Error('this sandbox enforces no further policy'), { code: 'unsupported' });
  return join(root, path);
}

async function unsupported(): Promise<never> {
  throw Object.assign(new Error('this sandbox does not offer that'), { code: 'unsupported' });
}

await using running = await createExecServer({ processes: new SandboxBackend(), files });
const [url = ''] = running.urls;
await using client = await ExecServerClient.connect({ url });
await client.files.writeFile('/note.txt', Buffer.from('written into the sandbox\n'));
const child = await client.processes.start({
  processId: processId('cat'),
  argv: ['cat', 'note.txt'],
  cwd: '/',
  env: { PATH: '/usr/bin:/bin' },
  tty: false,
});
console.log((await text(child)).stdout.trimEnd());
await outside.remove(root);
