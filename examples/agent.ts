// An agent with a shell: a model, two tools, and any place to run them in. The model is scripted here, so it runs offline.
//   npx tsc -p examples && node .examples/agent.js [ws://127.0.0.1:PORT]
// Commands run on this machine, or where `exec-server serve` has printed that URL.
import { type Environment, LocalEnvironment, RemoteEnvironment } from 'exec-server/environment';
import { agentTools, UnifiedExecManager } from 'exec-server/unified-exec';

const [url] = process.argv.slice(2);
await using environment: Environment = url ? new RemoteEnvironment({ id: 'remote', url }) : new LocalEnvironment();
await using manager = new UnifiedExecManager({ environments: environment }); // ends what the model leaves running
const tools = agentTools(manager);

interface Request {
  /** What a model API takes as its tools: `parameters` is a JSON schema. */
  tools: { type: 'function'; name: string; description: string; parameters: Record<string, unknown> }[];
  /** What the calls so far were answered, in the texts that models know from Codex. */
  results: string[];
}
type Reply = { call: string; arguments: Record<string, unknown> } | { say: string };

/** Stands for a call of a model API: put yours here. */
async function model({ results }: Request): Promise<Reply> {
  const sessionId = Number(/session ID (\d+)/.exec(results[1] ?? '')?.[1]);
  switch (results.length) {
    case 0: // fails: the model gets what it printed, and its exit code
      return { call: 'exec_command', arguments: { cmd: 'uname -s; ls /definitely/not/there' } };
    case 1: // is still running after half a second: the model gets a session ID
      return { call: 'exec_command', arguments: { cmd: 'sh -i', tty: true, yield_time_ms: 500 } };
    case 2: // with which it types
      return { call: 'write_stdin', arguments: { session_id: sessionId, chars: 'echo $((6 * 7))\n' } };
    case 3:
      return { call: 'write_stdin', arguments: { session_id: sessionId, chars: 'exit 3\n', yield_time_ms: 5_000 } };
    default:
      return { say: 'The answer is 42.' };
  }
}

const request: Request = {
  tools: tools.map(({ name, description, parameters }) => ({ type: 'function', name, description, parameters })),
  results: [],
};
for (;;) {
  const reply = await model(request);
  if ('say' in reply) {
    console.log(reply.say);
    break;
  }
  const tool = tools.find(({ name }) => name === reply.call);
  if (!tool)
    throw new Error(`the model called ${reply.call}, expected one of ${tools.map(({ name }) => name).join(', ')}`);
  console.log(`> ${tool.name} ${JSON.stringify(reply.arguments)}`);
  const result = await tool.execute(reply.arguments); // a text also where the call fails
  console.log(`${result}\n`);
  request.results.push(result);
}
