import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { bearerToken, serveCloud } from '../../src/cloud/index.js';
import { connectHarness } from '../../src/registry/harness-connect.js';
import { issueToken, SigningKeys } from '../../src/rendezvous/index.js';
import { atEnd, startInProcess, until } from '../harness/index.js';
import { accessOf, dialRaw, registerRaw, startRendezvous, type TestRendezvous } from './rendezvous-fixture.js';

// Everything that must not work is refused with a code, a reason, and a line in the log that holds no secret.

/** The last line about a refusal. */
function lastRefusal({ log }: TestRendezvous) {
  return log.filter(({ message }) => message === 'refused').at(-1);
}

async function refusedDial(
  url: string,
): Promise<{ status: number; code: string; message: string; retryAfter: string | undefined }> {
  const socket = new WebSocket(url);
  socket.on('error', () => undefined); // it is refused
  const [request, response] = await once(socket, 'unexpected-response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  request.destroy();
  const { error } = JSON.parse(Buffer.concat(chunks).toString());
  return { status: response.statusCode, retryAfter: response.headers['retry-after'], ...error };
}

/** A rendezvous with an executor of one connection, and what a harness needs. */
async function withExecutor() {
  const rendezvous = await startRendezvous();
  const executorToken = await rendezvous.token({ role: 'executor', environments: ['box'] });
  const registration = await registerRaw(rendezvous, executorToken, 'box', { name: 'a box' });
  const executor = await dialRaw(registration.url);
  const harnessToken = await rendezvous.token({ role: 'harness', environments: ['box', 'team-*'] });
  return {
    rendezvous,
    executorToken,
    registration,
    executor,
    harnessToken,
    access: accessOf(rendezvous.url, harnessToken),
  };
}

test('no token, one of another key file, one that has expired, and one for something else', async () => {
  const { rendezvous, access, executorToken, harnessToken, registration } = await withExecutor();
  const options = {
    role: 'harness',
    subject: 'mallory',
    environments: ['*'],
    expiresAtMs: Date.now() + 60_000,
  } as const;
  const foreign = await issueToken(await SigningKeys.generate(), options);
  const expired = await rendezvous.token({ role: 'harness', expiresAtMs: Date.now() - 1_000 });
  const ticket = new URL(registration.url).searchParams.get('ticket') ?? '';
  for (const [token, reason] of [
    ['', /none of ours/],
    [foreign, /none of ours/],
    [expired, /it expired at 20/],
    [ticket, /none of ours, or not for this/],
  ] as const) {
    await expect(connectHarness(accessOf(rendezvous.url, token), 'box')).rejects.toMatchObject({
      code: 'unauthorized',
      status: 401,
      message: expect.stringMatching(reason),
    });
    expect(lastRefusal(rendezvous)).toMatchObject({ code: 'unauthorized', path: '/cloud/environment/box/connect' });
  }
  const nothing = await fetch(`${rendezvous.url}/cloud/environments`);
  expect([nothing.status, nothing.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  expect(await nothing.json()).toMatchObject({ error: { message: expect.stringMatching(/no credentials: expected/) } });
  await expect(connectHarness(accessOf(rendezvous.url, executorToken), 'box')).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringMatching(/those of an executor: expected those of a harness/),
  });
  await expect(registerRaw(rendezvous, harnessToken, 'box')).rejects.toMatchObject({ code: 'forbidden' });
  expect(await connectHarness(access, 'box')).toMatchObject({ environment_id: 'box' });
  noSecrets(rendezvous, [foreign, expired, ticket, executorToken, harnessToken]);
});

test('an environment that the token is not for, whether or not there is one', async () => {
  const { rendezvous, executorToken } = await withExecutor();
  const token = await rendezvous.token({ role: 'harness', subject: 'another-team', environments: ['their-*'] });
  const answers = ['box', 'nothing'].map((id) =>
    connectHarness(accessOf(rendezvous.url, token), id).catch(({ status, message }) => [
      status,
      message.replaceAll(id, 'ID'),
    ]),
  );
  const [there, notThere] = await Promise.all(answers);
  expect(there).toEqual(notThere);
  expect(there).toEqual([403, expect.stringMatching(/the credentials of `another-team` are not for environment `ID`/)]);
  expect(lastRefusal(rendezvous)).toMatchObject({ code: 'forbidden', subject: 'another-team' });
  await expect(registerRaw(rendezvous, executorToken, 'box-2')).rejects.toMatchObject({ code: 'forbidden' });
  const listed = await fetch(`${rendezvous.url}/cloud/environments`, { headers: { authorization: `Bearer ${token}` } });
  expect(await listed.json()).toEqual({ environments: [] });
});

test('an environment that nobody has registered is final, one that is not connected is not', async () => {
  const { rendezvous, access, executor } = await withExecutor();
  await expect(connectHarness(access, 'team-1')).rejects.toMatchObject({
    code: 'unknown_environment',
    status: 404,
    retryable: false,
  });
  executor.terminate();
  await until(() => rendezvous.log.some(({ message }) => message === 'executor disconnected'));
  await expect(connectHarness(access, 'box')).rejects.toMatchObject({
    code: 'environment_offline',
    status: 503,
    retryable: true,
    retryAfterMs: 1_000,
    message: expect.stringMatching(/last seen at 20/),
  });
});

test('a node that has just started calls nobody unknown', async () => {
  const rendezvous = await startRendezvous({ returnGraceMs: 45_000 });
  const access = accessOf(rendezvous.url, await rendezvous.token({ role: 'harness' }));
  await expect(connectHarness(access, 'box')).rejects.toMatchObject({ code: 'environment_offline', retryable: true });
});

test('a signed URL that is used again, is none, or was signed for another purpose', async () => {
  const { rendezvous, access, registration } = await withExecutor();
  const { url } = await connectHarness(access, 'box');
  await dialRaw(url);
  expect(await refusedDial(url)).toMatchObject({
    status: 403,
    code: 'url_replayed',
    message: expect.stringMatching(/used before/),
  });
  expect(lastRefusal(rendezvous)).toMatchObject({ code: 'url_replayed', path: '/rendezvous/harness' });
  expect(await refusedDial(`${url}x`)).toMatchObject({ status: 401, code: 'unauthorized' });
  expect(await refusedDial(url.replace(/\?.*/, ''))).toMatchObject({ status: 401, code: 'unauthorized' });
  expect(await refusedDial(url.replace('/harness?', '/executor?'))).toMatchObject({
    status: 401,
    code: 'unauthorized',
  });
  expect(await refusedDial(registration.url.replace('/executor?', '/harness?'))).toMatchObject({ status: 401 });
  noSecrets(rendezvous, [url, registration.url]);
});

test('a signed URL of a registration that is no more', async () => {
  const { rendezvous, access, executorToken, registration, executor } = await withExecutor();
  const { url } = await connectHarness(access, 'box');
  executor.terminate();
  await registerRaw(rendezvous, executorToken, 'box');
  expect(await refusedDial(url)).toMatchObject({ status: 401, code: 'url_expired' });
  // 409 is what has real executors register anew.
  expect(await refusedDial(registration.url)).toMatchObject({ status: 409, code: 'registration_expired' });
});

test('an id that another executor has', async () => {
  const { rendezvous, executorToken, executor } = await withExecutor();
  const theirs = await rendezvous.token({ role: 'executor', subject: 'somebody-else' });
  await expect(registerRaw(rendezvous, theirs, 'box')).rejects.toMatchObject({
    code: 'already_registered',
    status: 409,
    message: expect.stringMatching(/belongs to somebody else's credentials/),
  });
  await expect(registerRaw(rendezvous, executorToken, 'box', { idempotencyId: 'run-2' })).rejects.toMatchObject({
    code: 'already_registered',
    message: expect.stringMatching(/another executor \(`a box`\) has been connected as environment `box` since 20/),
  });
  expect(lastRefusal(rendezvous)).toMatchObject({ code: 'already_registered', subject: 'a-executor' });
  executor.terminate();
  await until(() => rendezvous.log.some(({ message }) => message === 'executor disconnected'));
  await registerRaw(rendezvous, executorToken, 'box', { idempotencyId: 'run-2' });
});

test('an executor that no longer answers loses its id to the next one', async () => {
  const { rendezvous, executorToken, executor } = await withExecutor();
  executor.pause(); // it reads nothing, so it answers no ping
  const again = await registerRaw(rendezvous, executorToken, 'box', { idempotencyId: 'run-2' });
  const connected = await dialRaw(again.url);
  expect(connected.readyState).toBe(WebSocket.OPEN);
});

test('bodies, paths, methods and ids that do not fit', async () => {
  const { rendezvous, executorToken, harnessToken } = await withExecutor();
  const post = async (path: string, token: string, body: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${rendezvous.url}${path}`, { method: 'POST', headers, body });
    return [response.status, await response.text()];
  };
  const register = '/cloud/executor/box/register';
  expect(await post(register, executorToken, 'no JSON')).toEqual([400, expect.stringMatching(/no JSON/)]);
  expect(await post(register, executorToken, '{}')).toEqual([400, expect.stringMatching(/idempotency_id/)]);
  expect(await post(register, executorToken, '{"idempotency_id":"a","executor_id":"other"}')).toEqual([
    400,
    expect.stringMatching(/expected `box`/),
  ]);
  expect(await post(register, executorToken, 'x'.repeat(65 * 1024))).toEqual([
    400,
    expect.stringMatching(/longer than 65536/),
  ]);
  expect(await post('/cloud/environment/box/connect', harnessToken, '{"transport":"noise"}')).toEqual([
    400,
    expect.stringMatching(/transport/),
  ]);
  expect(await post('/cloud/environment/.hidden/connect', harnessToken, '{}')).toEqual([
    400,
    expect.stringMatching(/environment id/),
  ]);
  expect(await post('/cloud/environment/box/register', executorToken, '{}')).toEqual([
    400,
    expect.stringMatching(/--remote-transport direct/),
  ]);
  expect(await post('/nothing', harnessToken, '')).toEqual([404, 'nothing here\n']);
  expect(await post('/cloud/environments', harnessToken, '')).toEqual([405, 'expected GET\n']);
});

test('web pages', async () => {
  const { rendezvous } = await withExecutor();
  const response = await fetch(`${rendezvous.url}/cloud/environments`, { headers: { origin: 'https://evil.example' } });
  expect([response.status, await response.text()]).toEqual([403, expect.stringMatching(/Origin/)]);
});

test('nothing that is logged holds a token, a ticket or a signed URL', async () => {
  const rendezvous = await startRendezvous();
  const executorToken = await rendezvous.token({ role: 'executor' });
  const { server } = await startInProcess({ listen: [] });
  const serving = serveCloud(server, {
    baseUrl: rendezvous.url,
    environmentId: 'box',
    credentials: bearerToken(executorToken, 'the test'),
  });
  atEnd(() => serving.close());
  await until(() => rendezvous.log.some(({ message }) => message === 'executor connected'));
  const harnessToken = await rendezvous.token({ role: 'harness' });
  const { url } = await connectHarness(accessOf(rendezvous.url, harnessToken), 'box');
  const harness = await dialRaw(url);
  harness.close();
  await until(() => rendezvous.log.some(({ message }) => message === 'harness unpaired'));
  expect(rendezvous.log.map(({ message }) => message)).toEqual([
    'executor registered',
    'executor connected',
    'harness paired',
    'harness unpaired',
  ]);
  noSecrets(rendezvous, [executorToken, harnessToken, url]);
});

function noSecrets({ log }: TestRendezvous, secrets: string[]): void {
  const text = JSON.stringify(log, (_key, value) => (value instanceof Error ? `${value.stack}${value.cause}` : value));
  for (const secret of secrets) expect(text).not.toContain(secret);
  expect(text).not.toMatch(/ticket=|eyJ/);
}
