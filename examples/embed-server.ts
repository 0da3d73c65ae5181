// A server inside your own program. It serves this machine; hand it other `processes` or `files` to serve those.
import { ExecServerClient, processId, text } from 'exec-server/client';
import { createExecServer } from 'exec-server/server';

await using running = await createExecServer({ listen: 'ws://127.0.0.1:0' });
const [url = ''] = running.urls;
await using client = await ExecServerClient.connect({ url });
const child = await client.processes.start({
  processId: processId('hello'),
  argv: ['echo', 'hello from an embedded server'],
  cwd: '/',
  env: { PATH: '/usr/bin:/bin' },
  tty: false,
});
const { stdout, exitCode } = await text(child);
console.log(stdout.trimEnd(), exitCode);
