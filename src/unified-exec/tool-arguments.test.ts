import { expect, test } from 'vitest';
import { ToolArgumentsError } from './errors.js';
import { parseExecCommand, parseWriteStdin } from './tool-arguments.js';

test('what models say about approvals is passed over', () => {
  const approval = { justification: 'to see', sandbox_permissions: 'require_escalated', prefix_rule: ['ls'] };
  expect(parseExecCommand({ cmd: 'ls', ...approval })).toEqual(parseExecCommand({ cmd: 'ls' }));
});

test.each([
  [{ cmd: 'ls', workdirectory: '/src' }, /workdirectory/],
  [{ cmd: 'ls', max_output_tokens: -1 }, /max_output_tokens/],
  [{ cmd: 'ls', yield_time_ms: -1 }, /yield_time_ms/],
  [['ls'], /object/],
  [null, /object/],
])('%j is refused, and the message names what is wrong', (input, named) => {
  expect(() => parseExecCommand(input)).toThrow(ToolArgumentsError);
  expect(() => parseExecCommand(input)).toThrow(named);
});

test('so is a poll for less than no time', () => {
  expect(() => parseWriteStdin({ session_id: 1, yield_time_ms: -1 })).toThrow(/yield_time_ms/);
});
