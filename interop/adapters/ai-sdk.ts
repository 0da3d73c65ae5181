// An agent of the Vercel AI SDK with our two tools and that SDK's own mock model: types are checked, and then it runs.
import assert from 'node:assert/strict';
import { generateText, stepCountIs, type ToolSet, tool } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { LocalEnvironment } from 'exec-server/environment';
import { aiSdkTools, UnifiedExecManager } from 'exec-server/unified-exec';

await using environment = new LocalEnvironment();
await using manager = new UnifiedExecManager({ environments: environment, cwd: '/' });
const tools = aiSdkTools(manager);

// Both ways of handing them over.
const wrapped: ToolSet = { exec_command: tool(tools.exec_command), write_stdin: tool(tools.write_stdin) };
assert.deepEqual(Object.keys(wrapped), Object.keys(tools));

type Content = Awaited<ReturnType<MockLanguageModelV3['doGenerate']>>['content'];
const noTokens = { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 };
const reply = (content: Content) => ({
  content,
  finishReason: { unified: content[0]?.type === 'text' ? ('stop' as const) : ('tool-calls' as const), raw: undefined },
  usage: { inputTokens: noTokens, outputTokens: { total: 0, text: 0, reasoning: 0 } },
  warnings: [],
});
const call = (toolName: string, input: object) =>
  reply([{ type: 'tool-call', toolCallId: toolName, toolName, input: JSON.stringify(input) }]);

const model = new MockLanguageModelV3({
  doGenerate: async ({ prompt }) => {
    const sessionId = Number(/session ID (\d+)/.exec(JSON.stringify(prompt))?.[1]);
    if (prompt.length === 1) return call('exec_command', { cmd: 'cat', tty: true, yield_time_ms: 250 });
    if (prompt.length === 3) return call('write_stdin', { session_id: sessionId, chars: 'typed\n\u0004' });
    return reply([{ type: 'text', text: 'done' }]);
  },
});
const { text, steps } = await generateText({ model, tools, prompt: 'go', stopWhen: stepCountIs(5) });
assert.equal(text, 'done');
const results = steps.flatMap(({ toolResults }) => toolResults.map(({ output }) => output));
assert.match(String(results[0]), /^Process running with session ID \d+$/m);
assert.match(String(results[1]), /^Process exited with code 0\n.*\nOutput:\ntyped\r\ntyped\r\n$/ms);
const [execCommand] = model.doGenerateCalls[0]?.tools ?? [];
assert.equal(execCommand?.type === 'function' && execCommand.inputSchema.additionalProperties, false);

// The signal of a turn ends the call, and leaves the process.
const turn = new AbortController();
let ended: Promise<string> | undefined;
const stopped = generateText({
  model: new MockLanguageModelV3({ doGenerate: call('exec_command', { cmd: 'sleep 100' }) }),
  tools: {
    exec_command: {
      ...tools.exec_command,
      execute: (input, options) => {
        ended = tools.exec_command.execute(input, options);
        turn.abort(new Error('the user has stopped it'));
        return ended;
      },
    },
  },
  prompt: 'go',
  abortSignal: turn.signal,
  stopWhen: stepCountIs(2),
});
await assert.rejects(stopped);
await assert.rejects(async () => ended, /the user has stopped it/);
assert.deepEqual(
  manager.list().map(({ command }) => command),
  ['sleep 100'],
);
console.log('Vercel AI SDK: types fit, and an agent ran');
