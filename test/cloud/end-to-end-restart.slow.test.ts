import { expect, test } from 'vitest';
import { numbers } from '../cli/command-line.js';
import { until } from '../harness/index.js';
import { Cloud, countingScript } from './end-to-end.js';

const LINES = 20_000;
const lostOnce = /^exec-server: connection lost \(.+\); reconnecting …\nexec-server: reconnected\n$/;

/** A command, and a rendezvous that is killed in the middle of it and does not come back by itself. */
async function killedMidJob() {
  const cloud = await Cloud.open();
  await cloud.startExecutor('box');
  const run = cloud.command('run', 'box', '--', 'sh', '-c', countingScript(LINES));
  await run.says('\n2000\n');
  await cloud.killRendezvous();
  await until(() => run.stderr().includes('connection lost'));
  const complete = async () => {
    const { code, stdout, stderr } = await run.ended();
    expect(stdout === numbers(LINES)).toBe(true);
    expect({ code, stderr }).toEqual({ code: 9, stderr: expect.stringMatching(lostOnce) });
  };
  return { cloud, run, complete };
}

test('a rendezvous that is killed mid-job and started again: complete, nothing twice, the exit code', async () => {
  const { cloud, complete } = await killedMidJob();
  await cloud.startRendezvous();
  await complete();
}, 60_000);

test('every key and token is replaced while a command runs: it goes on with the new ones, and no secret is said', async () => {
  const { cloud, complete } = await killedMidJob();
  const before = [...cloud.tokens];
  await cloud.replaceKeys();
  expect(cloud.tokens.length).toBeGreaterThan(before.length);
  await cloud.startRendezvous();
  await complete();
  const said = cloud.said();
  expect(said).toContain('harness paired');
  for (const token of cloud.tokens) expect(said).not.toContain(token);
  expect(said).not.toMatch(/ticket=|eyJ/);
}, 60_000);

test('a token that is good no more ends the command, and what to do is said', async () => {
  const { cloud, run } = await killedMidJob();
  const old = cloud.harnessToken();
  await cloud.replaceKeys();
  cloud.setHarnessToken(old);
  await cloud.startRendezvous();
  const { code, stderr } = await run.ended();
  expect({ code, stderr }).toEqual({
    code: 255,
    stderr: expect.stringMatching(/coming back was refused: .*HTTP 401.*connect with a token for this environment/),
  });
}, 60_000);

test('a registry that is down for a minute: complete, nothing twice, the exit code', async () => {
  const { cloud, complete } = await killedMidJob();
  await new Promise((resolve) => setTimeout(resolve, 60_000)); // the minute itself
  await cloud.startRendezvous();
  await complete();
}, 180_000);
