// An agent with a shell: a model, two tools, and any place to run them in. The model is scripted here, so it runs offline.
//   agent.js [ws://127.0.0.1:PORT]     without a URL, commands run on this machine
import { type Environment, LocalEnvironment, RemoteEnvironment } from 'exec-server/environment';
import { agentTools, UnifiedExecManager } from 'exec-server/unified-exec';

const [url] = process.argv.slice(2);
await using environment: Environment = url ? new RemoteEnvironment({ id: 'remote', url }) : new LocalEnvironment();
await using manager = new UnifiedExecManager({ environments: environment, cwd: '/' });
const tools = agentTools(manager);

type Reply = { call: string; arguments: Record<string, unknown> } | { say: string };

/** Stands for a model: `results` is what the tools have answered so far. */
function model(results: readonly string[]): Reply {
  const sessionId = Number(/session ID (\d+)/.exec(results[1] ?? '')?.[1]);
  switch (results.length) {
    case 0:
      return { call: 'exec_command', arguments: { cmd: 'uname -s; ls /definitely/not/there' } };
    case 1:
      return { call: 'exec_command', arguments: { cmd: 'sh -i', tty: true, yield_time_ms: 500 } };
    case 2:
      return { call: 'write_stdin', arguments: { session_id: sessionId, chars: 'echo $((6 * 7))\n' } };
    case 3:
      return { call: 'write_stdin', arguments: { session_id: sessionId, chars: 'exit 3\n', yield_time_ms: 5_000 } };
    default:
      return { say: 'The answer is 42.' };
  }
}

const results: string[] = [];
for (;;) {
  const reply = model(results);
  if ('say' in reply) {
    console.log(reply.say);
    break;
  }
  const tool = tools.find(({ name }) => name === reply.call);
  if (!tool)
    throw new Error(`the model called ${reply.call}, expected one of ${tools.map(({ name }) => name).join(', ')}`);
  console.log(`> ${tool.name} ${JSON.stringify(reply.arguments)}`);
  const result = await tool.execute(reply.arguments);
  console.log(`${result}\n`);
  results.push(result);
}
