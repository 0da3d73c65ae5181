import { expect, test } from 'vitest';
import { numbers } from '../cli/command-line.js';
import { Cloud, countingScript } from './end-to-end.js';

const LINES = 20_000;

test.each<[string, (cloud: Cloud) => void]>([
  ['the executor', (cloud) => cloud.executorNet.cutAll()],
  ['the harness', (cloud) => cloud.harnessNet.cutAll()],
  [
    'both',
    (cloud) => {
      cloud.executorNet.cutAll();
      cloud.harnessNet.cutAll();
    },
  ],
])('a command runs on while the connection of %s is cut: complete, nothing twice, its exit code', async (_who, cut) => {
  const cloud = await Cloud.open();
  await cloud.startExecutor('box');
  const run = cloud.command('run', 'box', '--', 'sh', '-c', countingScript(LINES));
  await run.says('\n2000\n');
  cut(cloud);
  const { code, stdout, stderr } = await run.ended();
  expect(stdout === numbers(LINES)).toBe(true);
  expect({ code, stderr }).toEqual({
    code: 9,
    stderr: expect.stringMatching(/^exec-server: connection lost \(.+\); reconnecting …\nexec-server: reconnected\n$/),
  });
});
