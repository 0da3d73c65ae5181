// An agent of the OpenAI Agents SDK with our two tools and that SDK's own scripted model: types are checked, and then it runs.
import assert from 'node:assert/strict';
import { Agent, Runner, tool } from '@openai/agents';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '@openai/agents/testing';
import { LocalEnvironment } from 'exec-server/environment';
import { openAiAgentsTools, UnifiedExecManager } from 'exec-server/unified-exec';

await using environment = new LocalEnvironment();
await using manager = new UnifiedExecManager({ environments: environment, cwd: '/' });

const model = new ScriptedModel([
  [functionCall('exec_command', { cmd: 'cat', tty: true, yield_time_ms: 250 }, { callId: 'start' })],
  modelResponder(({ request }) => {
    const sessionId = Number(/session ID (\d+)/.exec(JSON.stringify(request.input))?.[1]);
    return [functionCall('write_stdin', { session_id: sessionId, chars: 'typed\n\u0004' }, { callId: 'type' })];
  }),
  [functionCall('exec_command', { command: 'no such argument' }, { callId: 'wrong' })],
  [assistantMessage('done')],
]);
const agent = new Agent({
  name: 'agent',
  model,
  tools: openAiAgentsTools(manager).map((options) => tool(options)),
});
const { finalOutput, newItems } = await new Runner({ tracingDisabled: true }).run(agent, 'go');
assert.equal(finalOutput, 'done');
const results = newItems.flatMap((item) => (item.type === 'tool_call_output_item' ? [item.output] : []));
assert.match(String(results[0]), /^Process running with session ID \d+$/m);
assert.match(String(results[1]), /^Process exited with code 0\n.*\nOutput:\ntyped\r\ntyped\r\n$/ms);
assert.match(String(results[2]), /^failed to parse function arguments: .*cmd/);
const [execCommand] = model.firstCall?.request.tools ?? [];
assert.equal(execCommand?.type, 'function');
assert.deepEqual(execCommand.parameters.required, ['cmd']);
assert.equal(execCommand.strict, false);

// The signal of a run ends the call, and leaves the process.
const run = new AbortController();
let ended: Promise<string> | undefined;
const [execOptions] = openAiAgentsTools(manager);
assert(execOptions);
const stoppable = tool({
  ...execOptions,
  execute: (input: unknown, context, details) => {
    ended = execOptions.execute(input, context, details);
    run.abort(new Error('the user has stopped it'));
    return ended;
  },
});
const script = new ScriptedModel([[functionCall('exec_command', { cmd: 'sleep 100' }, { callId: 'stopped' })]]);
const stopped = new Agent({ name: 'stopped', model: script, tools: [stoppable] });
await assert.rejects(new Runner({ tracingDisabled: true }).run(stopped, 'go', { signal: run.signal }));
await assert.rejects(async () => ended);
assert.deepEqual(
  manager.list().map(({ command }) => command),
  ['sleep 100'],
);
console.log('OpenAI Agents SDK: types fit, and an agent ran');
