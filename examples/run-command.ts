// A command on a server, its output as it comes, and its exit code.
//   run-command.js ws://127.0.0.1:PORT
import { ExecServerClient, processId, wait } from 'exec-server/client';

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error('expected the URL of a server');

await using client = await ExecServerClient.connect({ url });
const child = await client.processes.start({
  processId: processId('example'),
  argv: ['sh', '-c', 'echo one; sleep 0.2; echo two >&2; exit 3'],
  cwd: '/',
  env: { PATH: '/usr/bin:/bin' },
  tty: false,
});
for await (const event of child.events({ holdBack: true })) {
  if (event.type === 'output') console.log(`${event.stream}: ${event.chunk.toString().trimEnd()}`);
}
const { exitCode } = await wait(child);
console.log(`exit code ${exitCode}`);
