import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { ExecServerClient } from '../../src/client/index.js';
import { RawClient, scratchDirectory, startInProcess, type WireMessage } from '../harness/index.js';

const uri = (path: string) => pathToFileURL(path).href;
const isMissingChanged = (watchId: number) => (message: WireMessage) =>
  message.method === 'fs/missingChanged' && message.params?.watchId === watchId;

test('initialize announces what the newest clients ask for, where there are files', async () => {
  const capabilitiesOf = async (url: string) => {
    const client = await RawClient.connect(url);
    const { capabilities } = await client.result('initialize', { clientName: 'test' });
    return capabilities as Record<string, unknown>;
  };
  const served = await startInProcess();
  expect(await capabilitiesOf(served.url)).toMatchObject({ fsWatchMissing: true, environmentConfigRead: true });
  const without = await startInProcess({ files: null });
  const capabilities = await capabilitiesOf(without.url);
  expect(capabilities).not.toHaveProperty('fsWatchMissing');
  expect(capabilities).not.toHaveProperty('environmentConfigRead');
});

test('fs/watchMissing tells once, after its answer, when something appears', async () => {
  const { url } = await startInProcess();
  const directory = scratchDirectory();
  const client = await RawClient.open(url);
  const params = { watchId: 7, missing: [uri(join(directory, 'a')), uri(join(directory, 'b'))], present: null };
  expect(await client.result('fs/watchMissing', params)).toEqual({ watching: true });
  writeFileSync(join(directory, 'a'), '');
  await client.waitFor(isMissingChanged(7));
  writeFileSync(join(directory, 'b'), '');
  // Another watch on the same directory is told of what comes later: by then a second notification would have come.
  await client.result('fs/watchMissing', { watchId: 8, missing: [uri(join(directory, 'c'))] });
  writeFileSync(join(directory, 'c'), '');
  await client.waitFor(isMissingChanged(8));
  expect(client.messages.filter(isMissingChanged(7))).toHaveLength(1);
});

test('two watches on one directory are both told', async () => {
  const { url } = await startInProcess();
  const directory = scratchDirectory();
  const client = await RawClient.open(url);
  for (const watchId of [1, 2]) {
    await client.result('fs/watchMissing', { watchId, missing: [uri(join(directory, 'a'))] });
  }
  writeFileSync(join(directory, 'a'), '');
  await client.waitFor(isMissingChanged(1));
  await client.waitFor(isMissingChanged(2));
});

test('fs/watchMissing declines what the client has to look at itself', async () => {
  const { url } = await startInProcess();
  const directory = scratchDirectory();
  writeFileSync(join(directory, 'there'), '');
  const client = await RawClient.open(url);
  const watching = async (watchId: number, names: string[], present?: string) =>
    client.result('fs/watchMissing', { watchId, missing: names.map((name) => join(directory, name)), present });
  expect(await watching(1, ['a'])).toEqual({ watching: true });
  expect(await watching(1, ['b'])).toEqual({ watching: false }); // the id is taken
  expect(await watching(2, [])).toEqual({ watching: false });
  expect(await watching(3, ['there'])).toEqual({ watching: false });
  expect(await watching(4, ['there/below'])).toEqual({ watching: false });
  expect(await watching(5, ['a'], join(directory, 'gone'))).toEqual({ watching: false });
  const names = Array.from({ length: 65 }, (_, i) => `n${i}`);
  expect(await watching(6, names)).toEqual({ watching: false });
  expect(await watching(6, names.slice(1))).toEqual({ watching: true });
  expect(await watching(7, names.slice(1), join(directory, 'there'))).toEqual({ watching: false });
  // An id that JSON numbers here do not hold exactly would come back as another.
  expect(await watching(2 ** 60, ['a'])).toEqual({ watching: false });
});

test('what appears while the client is away is told when it has come back, after the answer to initialize', async () => {
  const { url } = await startInProcess();
  const directory = scratchDirectory();
  const first = await RawClient.open(url);
  await first.result('fs/watchMissing', { watchId: 1, missing: [join(directory, 'a')] });
  first.cut();
  await first.closed;
  // A second watcher of the same directory tells when the server has seen it.
  const other = await RawClient.open(url);
  await other.result('fs/watchMissing', { watchId: 1, missing: [join(directory, 'a')] });
  writeFileSync(join(directory, 'a'), '');
  await other.waitFor(isMissingChanged(1));

  const second = await RawClient.open(url, { resumeSessionId: first.sessionId });
  await second.waitFor(isMissingChanged(1));
  expect(second.messages[0]).toHaveProperty('result.sessionId');
});

test('a session that ends closes its watches', async () => {
  const { url, server } = await startInProcess({ sessionTtlMs: 0 });
  const directory = scratchDirectory();
  const client = await RawClient.open(url);
  await client.result('fs/watchMissing', { watchId: 1, missing: [join(directory, 'a')] });
  const before = process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
  expect(before).toBeGreaterThan(0);
  client.cut();
  await expect.poll(() => server.sessionCount).toBe(0);
  await expect
    .poll(() => process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length)
    .toBeLessThan(before);
});

test('environmentConfig/read reads the files of the place that is served', async () => {
  const { url } = await startInProcess();
  const cwd = scratchDirectory();
  const client = await RawClient.open(url);
  const answer = await client.result('environmentConfig/read', {
    cwd: uri(cwd),
    configPaths: [['no_such_key']],
    requirementsPaths: [],
  });
  expect(answer).toEqual({
    userHomeDir: uri(homedir()),
    codexHomeDir: uri(process.env.CODEX_HOME || join(homedir(), '.codex')),
    hostname: hostname(),
    config: { layers: [], cloudInsertionIndex: 0 },
    requirements: { layers: [], cloudInsertionIndex: 0 },
  });
});

test.each([
  ['no paths at all', { configPaths: [], requirementsPaths: [] }, 'at least one config or requirements path'],
  ['a path without keys', { configPaths: [[]], requirementsPaths: [] }, 'at least one key segment'],
  ['a path that is no list', { configPaths: ['a'], requirementsPaths: [] }, 'configPaths'],
  ['no requirementsPaths', { configPaths: [['a']] }, 'missing field `requirementsPaths`'],
])('environmentConfig/read refuses %s', async (_what, params, expected) => {
  const { url } = await startInProcess();
  const client = await RawClient.open(url);
  const { error } = await client.request('environmentConfig/read', { cwd: 'file:///', ...params });
  expect(error).toMatchObject({ code: -32602, message: expect.stringContaining(expected) });
});

test('a server in front of another reads the files, and knows the home, over there', async () => {
  const codexHome = scratchDirectory();
  writeFileSync(join(codexHome, 'config.toml'), 'model = "over there"');
  const { CODEX_HOME: saved } = process.env;
  process.env.CODEX_HOME = codexHome;
  try {
    const behind = await startInProcess();
    await using there = await ExecServerClient.connect({ url: behind.url });
    const front = await startInProcess({ processes: there.processes, files: there.files });
    const client = await RawClient.open(front.url);
    delete process.env.CODEX_HOME;
    const answer = await client.result('environmentConfig/read', {
      cwd: 'file:///',
      configPaths: [['model']],
      requirementsPaths: [],
    });
    expect(answer).toMatchObject({
      codexHomeDir: uri(codexHome),
      config: { layers: [{ baseDir: uri(codexHome), toml: 'model = "over there"\n' }] },
    });
  } finally {
    if (saved === undefined) delete process.env.CODEX_HOME;
    else process.env.CODEX_HOME = saved;
  }
});

test('capabilities/discoverV2 lists none and says where there may be some', async () => {
  const codexHome = scratchDirectory();
  mkdirSync(join(codexHome, 'skills'));
  const { CODEX_HOME: saved } = process.env;
  process.env.CODEX_HOME = codexHome;
  try {
    const { url } = await startInProcess();
    const client = await RawClient.open(url);
    const { plugins, skills, warnings } = await client.result('capabilities/discoverV2', { cwd: 'file:///' });
    expect({ plugins, skills }).toEqual({ plugins: [], skills: [] });
    expect(warnings).toContainEqual(expect.stringContaining(uri(join(codexHome, 'skills'))));
    const { error } = await client.request('capabilities/discoverV2', {});
    expect(error).toMatchObject({ code: -32602 });
  } finally {
    if (saved === undefined) delete process.env.CODEX_HOME;
    else process.env.CODEX_HOME = saved;
  }
});

test('the newer methods too want an initialized session, in the words of the real server', async () => {
  const { url } = await startInProcess();
  const client = await RawClient.connect(url);
  const config = { cwd: 'file:///', configPaths: [['a']], requirementsPaths: [] };
  for (const [method, params, family] of [
    ['environmentConfig/read', config, 'environment config'],
    ['capabilities/discoverV2', { cwd: 'file:///' }, 'capability discovery'],
    ['fs/watchMissing', { watchId: 1, missing: ['file:///x'] }, 'filesystem'],
  ] as const) {
    const { error } = await client.request(method, params);
    expect(error?.message).toBe(`client must call initialize before using ${family} methods`);
  }
});
