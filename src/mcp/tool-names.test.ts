import { expect, test } from 'vitest';
import { qualify } from './tool-names.js';

const namesOf = (...servers: [string, string[]][]) =>
  qualify(servers.map(([name, tools]) => ({ name, tools: tools.map((tool) => ({ name: tool })) }))).map(
    ({ name }) => name,
  );

test('a tool is named after its server', () => {
  expect(namesOf(['git', ['log', 'show/all']], ['fs', ['log']])).toEqual([
    'mcp__git__log',
    'mcp__git__show_all',
    'mcp__fs__log',
  ]);
});

test('names that would be the same, or too long, are told apart and fit', () => {
  const names = namesOf(
    ['a', ['x.y', 'x/y', 'z'.repeat(100), `${'z'.repeat(100)}2`]],
    ['a__b', ['c']],
    ['a', ['b__c']],
  );
  expect(new Set(names).size).toBe(6);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
});
