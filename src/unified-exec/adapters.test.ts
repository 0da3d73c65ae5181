import { expect, test } from 'vitest';
import { LocalEnvironment } from '../environment/local-environment.js';
import { aiSdkTools, openAiAgentsTools } from './adapters.js';
import { UnifiedExecManager } from './unified-exec-manager.js';

test('the adapters run a command with what a framework hands over, and can be cancelled', async () => {
  await using environment = new LocalEnvironment();
  await using manager = new UnifiedExecManager({ environments: environment, cwd: '/' });
  const { exec_command } = aiSdkTools(manager);
  const [execCommand] = openAiAgentsTools(manager);
  const input = { cmd: 'echo hi', login: false };
  expect(await exec_command.execute(input, {})).toMatch(/ code 0\nOriginal token count: 1\nOutput:\nhi\n$/);
  expect(await execCommand?.execute(JSON.stringify(input))).toMatch(/ code 0\nOriginal token count: 1\nOutput:\nhi\n$/);
  expect(execCommand?.parameters).toMatchObject({ type: 'object', required: ['cmd'] });
  const abortSignal = AbortSignal.abort(new Error('stopped'));
  await expect(exec_command.execute(input, { abortSignal })).rejects.toThrow('stopped');
  await expect(execCommand?.execute(input, undefined, { signal: abortSignal })).rejects.toThrow('stopped');
});
