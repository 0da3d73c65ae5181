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

  start(params: StartParams): Promise<ExecProcess> {
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
  readFile: (path) => outside.readFile(join(root, path)),
  writeFile: (path, data) => outside.writeFile(join(root, path), data),
  createDirectory: (path, options) => outside.createDirectory(join(root, path), options),
  getMetadata: (path) => outside.getMetadata(join(root, path)),
  readDirectory: (path) => outside.readDirectory(join(root, path)),
  remove: (path, options) => outside.remove(join(root, path), options),
  copy: (from, to, options) => outside.copy(join(root, from), join(root, to), options),
  rename: (from, to, options) => outside.rename(join(root, from), join(root, to), options),
  open: (path, options) => outside.open(join(root, path), options),
  // Answered as what they are: something that this server does not offer.
  canonicalize: unsupported,
  walk: unsupported,
  watch: unsupported,
  batch: unsupported,
};

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
