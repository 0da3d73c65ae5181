// Files for a host that embeds us: this machine's, and those of any environment, under a policy that travels with the request.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { createAppServer } from 'exec-server/app';
import { EnvironmentManager } from 'exec-server/environment';

const [url = ''] = process.argv.slice(2);
const environments = new EnvironmentManager({ environments: [{ id: 'far', url }], default: 'local' });
const [input, output] = [new PassThrough(), new PassThrough()];
// Your host has two ends of a pipe here, or listens with `listen`.
const running = await createAppServer({ environments, streams: { input, output } });

const answers = createInterface({ input: output })[Symbol.asyncIterator]();
async function request(method: string, params: object): Promise<unknown> {
  input.write(`${JSON.stringify({ id: 1, method, params })}\n`);
  const { result, error } = JSON.parse((await answers.next()).value ?? '{}');
  return result ?? error;
}

await request('initialize', { clientInfo: { name: 'example', version: '1' } });
const folder = mkdtempSync(join(tmpdir(), 'app-server-'));
for (const environmentId of ['local', 'far']) {
  const path = join(folder, environmentId);
  const dataBase64 = Buffer.from(`written to ${environmentId}\n`).toString('base64');
  console.log(await request('fs/writeFile', { environmentId, path, dataBase64 }));
  const sandboxPolicy = { type: 'read-only' };
  console.log(await request('fs/readFile', { environmentId, path, sandboxPolicy }));
  console.log(await request('fs/remove', { environmentId, path, sandboxPolicy })); // sandbox_denied
}
await request('fs/remove', { path: folder });
await running.close();
await environments.close();
