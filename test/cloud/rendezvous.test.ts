import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import type { ExecServerClient } from '../../src/client/index.js';
import { bearerToken, serveCloud } from '../../src/cloud/index.js';
import { text } from '../../src/process/conveniences.js';
import { processId } from '../../src/process/types.js';
import { connectHarness } from '../../src/registry/harness-connect.js';
import { listEnvironments } from '../../src/registry/harness-list.js';
import { createKeyFile, issueToken, SigningKeys } from '../../src/rendezvous/index.js';
import { atEnd, scratchDirectory, startInProcess, until, whenClosed } from '../harness/index.js';
import {
  accessOf,
  connectThrough,
  dialRaw,
  freePort,
  rawPair,
  registerRaw,
  startBehindProxy,
  startRendezvous,
  type TestRendezvous,
} from './rendezvous-fixture.js';

test('an executor that has registered serves several harnesses at once', async () => {
  const rendezvous = await startRendezvous();
  await serveAs(rendezvous, 'box');
  const access = await harnessAccess(rendezvous);
  const clients = await Promise.all([1, 2, 3].map(() => connectThrough(access, 'box')));
  expect(await Promise.all(clients.map((client, i) => echo(client, `${i}`)))).toEqual(['0\n', '1\n', '2\n']);
});

test('the list says who is there, and only what the token may see', async () => {
  const rendezvous = await startRendezvous();
  await serveAs(rendezvous, 'team-a');
  const gone = await serveAs(rendezvous, 'team-b');
  await serveAs(rendezvous, 'other');
  await gone.close();
  await logged(rendezvous, 'executor disconnected');
  const access = accessOf(rendezvous.url, await rendezvous.token({ role: 'harness', environments: ['team-*'] }));
  await connectThrough(access, 'team-a');
  await until(async () => (await listEnvironments(access))[0]?.harnesses === 1, { what: 'the harness in the list' });
  expect(await listEnvironments(access)).toEqual([
    {
      environment_id: 'team-a',
      name: 'the box team-a',
      labels: { arch: 'test' },
      status: 'online',
      last_seen_at: expect.stringMatching(/^20.*Z$/),
      connected_at: expect.stringMatching(/^20.*Z$/),
      executor_version: expect.stringMatching(/^\d/),
      harnesses: 1,
      max_harnesses: null,
    },
    expect.objectContaining({ environment_id: 'team-b', status: 'offline', connected_at: null, harnesses: 0 }),
  ]);
});

test('a client that comes back takes the one connection over from itself', async () => {
  const rendezvous = await startRendezvous();
  const token = await rendezvous.token({ role: 'executor' });
  const first = await dialRaw((await registerRaw(rendezvous, token, 'raw')).url);
  const access = await harnessAccess(rendezvous);
  const before = await dialRaw((await connectHarness(access, 'raw', { harnessId: 'client-1' })).url);
  await expect(connectHarness(access, 'raw', { harnessId: 'client-2' })).rejects.toMatchObject({
    code: 'environment_in_use',
    retryable: true,
    retryAfterMs: 1_000,
  });
  const { url } = await connectHarness(access, 'raw', { harnessId: 'client-1' });
  const after = dialRaw(url);
  expect(await closeCode(before)).toBe(1006);
  expect(await closeCode(first)).toBe(1006);
  // As 0.129.0 does, once its socket has ended.
  const second = await dialRaw((await registerRaw(rendezvous, token, 'raw')).url);
  const received = new Promise((resolve) => second.once('message', (data) => resolve(String(data))));
  (await after).send('hello again');
  expect(await received).toBe('hello again');
});

test('a client of an executor of ours that comes back is cut where it was', async () => {
  const rendezvous = await startRendezvous();
  await serveAs(rendezvous, 'box');
  const access = await harnessAccess(rendezvous);
  const before = await dialRaw((await connectHarness(access, 'box', { harnessId: 'client-1' })).url);
  const other = await dialRaw((await connectHarness(access, 'box', { harnessId: 'client-2' })).url);
  await dialRaw((await connectHarness(access, 'box', { harnessId: 'client-1' })).url);
  expect(await closeCode(before)).toBe(1006);
  expect(other.readyState).toBe(other.OPEN);
});

test('a job of our executor is followed to its end across a cut of every socket, and across a restart', async () => {
  const { rendezvous, proxy } = await startBehindProxy();
  await serveAs(rendezvous, 'box');
  const client = await connectThrough(await harnessAccess(rendezvous), 'box', { harnessId: 'client-1' });
  expect(await echo(client, 'before')).toBe('before\n');
  proxy.cutAll();
  expect(await echo(client, 'between')).toBe('between\n');
  const { port } = new URL(rendezvous.server.url);
  await rendezvous.server.close({ graceMs: 0 });
  await startRendezvous({
    keys: rendezvous.keys,
    listen: `http://127.0.0.1:${port}`,
    publicUrl: rendezvous.url,
    returnGraceMs: 45_000,
  });
  expect(await echo(client, 'after')).toBe('after\n');
});

test('a node that drains takes nobody new, lets executors go, and then tells harnesses that it goes', async () => {
  const rendezvous = await startRendezvous();
  const { executor, harness } = await rawPair(rendezvous);
  const idle = await dialRaw((await registerRaw(rendezvous, await rendezvous.token({ role: 'executor' }), 'idle')).url);
  await serveAs(rendezvous, 'box');
  const access = await harnessAccess(rendezvous);
  const { url } = await connectHarness(access, 'box');
  expect(await statusOf(rendezvous, '/readyz')).toBe(200);
  const ends = [executor, harness].map(closeOf);
  const idleEnd = closeOf(idle);
  const drained = rendezvous.server.close({ graceMs: 60_000 });
  expect(await idleEnd).toEqual([1001, 'this rendezvous node is shutting down']);
  expect(await statusOf(rendezvous, '/readyz')).toBe(503);
  expect(await statusOf(rendezvous, '/livez')).toBe(200);
  await expect(connectHarness(access, 'box')).rejects.toMatchObject({ code: 'draining', retryAfterMs: 1_000 });
  await expect(dialRaw(url)).rejects.toThrow('503');
  executor.send('still relayed');
  expect(await new Promise((resolve) => harness.once('message', (data) => resolve(String(data))))).toBe(
    'still relayed',
  );
  harness.close(1000);
  await drained;
  expect(await Promise.all(ends)).toEqual([
    [1000, ''],
    [1000, ''],
  ]);
});

test('who is still connected when the time is up is told at the end of a frame', async () => {
  const rendezvous = await startRendezvous();
  const { executor, harness } = await rawPair(rendezvous);
  const ends = [executor, harness].map(closeOf);
  await rendezvous.server.close({ graceMs: 0 });
  expect(await Promise.all(ends)).toEqual([
    [1001, 'this rendezvous node is shutting down'],
    [1001, 'this rendezvous node is shutting down'],
  ]);
});

test('keys are rotated by putting a new one first: what the old one signed stays good until it is taken out', async () => {
  const path = join(scratchDirectory(), 'keys.json');
  expect(createKeyFile(path)).toBe(true);
  expect(createKeyFile(path)).toBe(false);
  const oldKeys = await SigningKeys.load(path);
  const options = { role: 'harness', subject: 'me', environments: ['*'], expiresAtMs: Date.now() + 60_000 } as const;
  const old = await issueToken(oldKeys, options);
  const { keys } = JSON.parse(readFileSync(path, 'utf8'));
  const added = { id: 'new', secret: Buffer.alloc(32, 1).toString('base64url') };
  for (const [kept, status] of [
    [[added, ...keys], 200],
    [[added], 401],
  ] as const) {
    writeFileSync(path, JSON.stringify({ keys: kept }), { mode: 0o600 });
    const rendezvous = await startRendezvous({ keys: await SigningKeys.load(path) });
    const headers = { authorization: `Bearer ${old}` };
    expect((await fetch(`${rendezvous.url}/cloud/environments`, { headers })).status).toBe(status);
  }
});

test('an executor that dials once more with the same signed URL, while its first connection is alive, is refused', async () => {
  const rendezvous = await startRendezvous();
  const { url } = await registerRaw(rendezvous, await rendezvous.token({ role: 'executor' }), 'raw');
  const first = await dialRaw(url);
  await expect(dialRaw(url)).rejects.toThrow('409');
  first.terminate();
  await logged(rendezvous, 'executor disconnected');
  expect((await dialRaw(url)).readyState).toBe(first.OPEN);
});

test('an address in use, one for everybody in clear text, and one that nobody can be told', async () => {
  const keys = await SigningKeys.generate();
  const rendezvous = await startRendezvous();
  await expect(startRendezvous({ listen: rendezvous.url })).rejects.toThrow(/EADDRINUSE/);
  await expect(startRendezvous({ keys, listen: 'http://0.0.0.0:0' })).rejects.toThrow(
    /in clear text: tokens would be seen/,
  );
  await expect(startRendezvous({ keys, listen: 'http://0.0.0.0:0', behindTlsProxy: true })).rejects.toThrow(
    /--public-url/,
  );
  await expect(startRendezvous({ keys, listen: 'tcp://127.0.0.1:0' })).rejects.toThrow(/expected `http:/);
  await expect(startRendezvous({ keys, listen: 'https://127.0.0.1:0' })).rejects.toThrow(/--tls-cert/);
  await expect(startRendezvous({ keys, publicUrl: 'http://example.com' })).rejects.toThrow(/must be https/);
  expect(await freePort()).toBeGreaterThan(0);
});

/** Our executor, connected. Ends with the test. */
async function serveAs(rendezvous: TestRendezvous, environmentId: string) {
  const { server } = await startInProcess({ listen: [] });
  const token = await rendezvous.token({ role: 'executor' });
  const serving = serveCloud(server, {
    baseUrl: rendezvous.url,
    environmentId,
    name: `the box ${environmentId}`,
    labels: { arch: 'test' },
    credentials: bearerToken(token, 'the test'),
    random: () => 0,
  });
  atEnd(() => serving.close());
  await logged(rendezvous, 'executor connected', environmentId);
  return serving;
}

async function harnessAccess(rendezvous: TestRendezvous) {
  return accessOf(rendezvous.url, await rendezvous.token({ role: 'harness' }));
}

async function logged({ log }: TestRendezvous, message: string, environmentId?: string): Promise<void> {
  const found = () =>
    log.some(
      (line) => line.message === message && (environmentId === undefined || line.environmentId === environmentId),
    );
  await until(found, { what: `\`${message}\` in the log` });
}

let commands = 0;

async function echo(client: ExecServerClient, said: string): Promise<string> {
  const id = processId(`echo-${++commands}`);
  const started = await client.processes.start({ processId: id, argv: ['echo', said], cwd: '/', env: {}, tty: false });
  return (await text(started)).stdout;
}

async function statusOf({ url }: TestRendezvous, path: string): Promise<number> {
  return (await fetch(`${url}${path}`)).status;
}

async function closeOf(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = await whenClosed(socket);
  return [Number(code), String(reason)];
}

async function closeCode(socket: WebSocket): Promise<number> {
  return socket.readyState === socket.CLOSED ? 1006 : (await closeOf(socket))[0];
}
