import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { bearerFile, CloudOptionError, RegistrationFailedError } from '../../src/cloud/index.js';
import { atEnd, RawClient, scratchDirectory, shell, startInProcess, until } from '../harness/index.js';
import { createAuthority } from '../http/certificates.js';
import { startExecutor } from './executor-fixture.js';
import { RegistryDouble, SIGNATURE } from './registry-double.js';

async function expectEcho(client: RawClient, id: string): Promise<void> {
  const done = client.collect(id);
  await client.result('process/start', shell(id, 'echo hello; exit 3'));
  expect(await done).toMatchObject({ stdout: 'hello\n', exitCode: 3 });
}

describe.each(['executor', 'direct'] as const)('with the %s contract', (contract) => {
  test('it registers, dials and is the server at the other end', async () => {
    const double = await RegistryDouble.start({ contract, name: 'box', labels: { zone: 'a' } });
    const executor = await startExecutor(double, { name: 'box', labels: { zone: 'a' }, contract });
    const client = await double.accept();
    await client.initialize();
    await expectEcho(client, 'p');
    expect(executor.news).toEqual([
      { type: 'registered', registrationId: 'reg-1', contract },
      { type: 'connected', kind: 'single' },
    ]);
  });

  test('it finds out by itself that it is the contract', async () => {
    const double = await RegistryDouble.start({ contract });
    await startExecutor(double);
    await (await double.accept()).initialize();
  });
});

test('a cut socket is dialled again with the same URL, and the session goes on', async () => {
  const double = await RegistryDouble.start();
  const executor = await startExecutor(double);
  const first = await double.accept();
  const resumeSessionId = await first.initialize();
  await first.result('process/start', shell('p', 'read line; echo "got $line"', { pipeStdin: true }));
  first.cut();
  const second = await double.accept();
  await second.initialize({ resumeSessionId });
  const done = second.collect('p');
  await second.result('process/write', { processId: 'p', chunk: Buffer.from('it\n').toString('base64'), writeId: 'w' });
  expect(await done).toMatchObject({ stdout: 'got it\n' });
  expect(double.registered).toHaveLength(1);
  expect(new Set(double.dialled).size).toBe(1);
  expect(executor.pauses).toEqual([1_000]);
});

test('harnesses may come one after the other, and however late', async () => {
  const double = await RegistryDouble.start();
  const { server, url } = await startInProcess({ initializeTimeoutMs: 50 });
  await startExecutor(double, {}, server);
  const late = await double.accept();
  // Whoever dials us has to introduce himself in time; by the time that he is refused, the cloud's time would be over.
  await (await RawClient.connect(url)).closed;
  await late.initialize();
  await late.close();
  const next = await double.accept();
  await next.initialize();
  await expectEcho(next, 'p');
});

test('a refused handshake makes it register again, as the same run', async () => {
  const double = await RegistryDouble.start();
  double.dialRefusals.push(401);
  const executor = await startExecutor(double);
  await (await double.accept()).initialize();
  expect(double.registered).toHaveLength(2);
  expect(double.registered[0]).toEqual(double.registered[1]);
  expect(double.dialled.map((url) => url.split('reg=')[1])).toEqual(['reg-1', 'reg-2']);
  expect(executor.news[1]).toMatchObject({ type: 'retrying', next: 'register', reason: /HTTP 401: url_expired$/ });
});

test('a rendezvous that takes no dials is tried three times before it registers again', async () => {
  const double = await RegistryDouble.start();
  double.dialRefusals.push(503, 503, 503);
  const executor = await startExecutor(double);
  await (await double.accept()).initialize();
  expect(double.dialled.map((url) => url.split('reg=')[1])).toEqual(['reg-1', 'reg-1', 'reg-1', 'reg-2']);
  expect(executor.pauses).toEqual([1_000, 2_000, 4_000]);
});

describe('a registration that fails for now is tried again:', () => {
  test.each([
    [409, {}, 1_000],
    [429, { 'retry-after': '7' }, 8_000],
    [503, { 'retry-after': '86400' }, 301_000],
    [503, {}, 1_000],
    [500, { 'retry-after': 'tomorrow' }, 1_000],
  ])('HTTP %i %j', async (status, headers, pauseMs) => {
    const double = await RegistryDouble.start();
    double.refusals.push({ status, headers: headers as Record<string, string> });
    const executor = await startExecutor(double);
    await (await double.accept()).initialize();
    expect(executor.pauses).toEqual([pauseMs]);
    expect(executor.news[0]).toMatchObject({ type: 'retrying', next: 'register', waitMs: pauseMs });
  });

  test('a registry that is down, until it is back', async () => {
    const double = await RegistryDouble.start();
    await double.down();
    const executor = await startExecutor(double);
    await until(() => executor.pauses.length >= 7, { what: 'seven attempts' });
    expect(executor.pauses.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    await double.up();
    await (await double.accept()).initialize();
  });

  test('a registry and rendezvous that die while a harness is connected', async () => {
    const double = await RegistryDouble.start();
    const executor = await startExecutor(double);
    const resumeSessionId = await (await double.accept()).initialize();
    await double.down();
    await executor.heard('retrying', 8);
    expect(Math.max(...executor.pauses)).toBe(5_000); // somebody waits for it
    await double.up();
    await (await double.accept()).initialize({ resumeSessionId });
  });
});

describe('credentials that are refused', () => {
  test('are read again: a token may be rotated while it runs', async () => {
    const double = await RegistryDouble.start();
    const file = join(scratchDirectory(), 'token');
    writeFileSync(file, 'old-5ecret\n');
    const executor = await startExecutor(double, {
      credentials: bearerFile(file),
      onNews: ({ type }) => type === 'retrying' && writeFileSync(file, `${double.token}\n`),
    });
    await (await double.accept()).initialize();
    expect(executor.pauses).toEqual([1_000]);
    expect(executor.log.join()).not.toMatch(/5ecret/);
  });

  test('are given up after five more attempts', async () => {
    const double = await RegistryDouble.start();
    double.token = 'another';
    const executor = await startExecutor(double);
    const refused = Array.from({ length: 6 }, () => ({
      status: 403,
      body: { error: { code: 'forbidden', message: 'not yours' } },
    }));
    double.refusals.push(...refused);
    await expect(executor.serving.ended).rejects.toThrow(RegistrationFailedError);
    await expect(executor.serving.ended).rejects.toThrow(
      /^cannot register with the cloud: .* HTTP 403: forbidden: not yours \(6 times in a row: new credentials are needed\)$/,
    );
    expect(double.requests).toBe(6);
  });

  test('and quoted by the registry are not shown', async () => {
    const double = await RegistryDouble.start();
    const executor = await startExecutor(double);
    double.token = 'another';
    const { message } = await executor.serving.ended.catch((error) => error);
    expect(message).toMatch(/HTTP 401: unauthorized: who is Bearer …\?/);
    expect(executor.log.join()).not.toMatch(/5ecret/);
  });
});

describe('it gives up, and says why, when the registry', () => {
  test.each([
    [
      'calls the request wrong',
      { status: 400, body: { error: { code: 'invalid_request', message: 'no' } } },
      /HTTP 400: invalid_request: no/,
    ],
    ['knows neither contract', { status: 404 }, /HTTP 404/],
    [
      'redirects',
      { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      /HTTP 307: it redirects, which is not followed/,
    ],
    ['answers something else', { status: 200, body: { id: 'reg-1' } }, /`executor_id`/],
    [
      'answers for another executor',
      { status: 200, body: { id: 'r', executor_id: 'x', url: 'wss://h/' } },
      /`executor_id`: expected `ex-1`/,
    ],
    [
      'sends it through clear text',
      { status: 200, body: { id: 'r', executor_id: 'ex-1', url: 'ws://h.example/?sig-5ecret' } },
      /`url`: expected a wss URL, or a ws URL of loopback/,
    ],
  ])('%s', async (_what, refusal, expected) => {
    const double = await RegistryDouble.start();
    double.refusals.push(refusal as never);
    const executor = await startExecutor(double, { contract: 'executor' });
    const error = await executor.serving.ended.catch((reason) => reason);
    expect(error).toBeInstanceOf(RegistrationFailedError);
    expect(error.message).toMatch(expected);
    expect(`${error.message}${executor.log.join()}`).not.toMatch(/5ecret/);
    expect(executor.pauses).toEqual([]);
  });
});

test('a redirect is not followed: the token goes to nobody else', async () => {
  let asked = 0;
  const other = createServer((_request, response) => {
    asked++;
    response.end();
  }).listen(0, '127.0.0.1');
  atEnd(() => other.close());
  const double = await RegistryDouble.start();
  const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  double.refusals.push({ status: 302, headers: { location } });
  const executor = await startExecutor(double);
  await expect(executor.serving.ended).rejects.toThrow(/redirects/);
  expect(asked).toBe(0);
});

describe('options that cannot be are refused at once:', () => {
  test.each([
    [{ baseUrl: 'http://registry.example' }, /must be https, or http to loopback/],
    [{ baseUrl: 'registry' }, /is no URL/],
    [{ environmentId: 'a/b' }, /expected 1 to 128 ASCII letters.*got `a\/b`/],
    [{ labels: { '': 'x' } }, /expected names of 1 to 128 characters/],
  ])('%j', async (options, expected) => {
    const double = await RegistryDouble.start();
    const starting = startExecutor(double, options);
    await expect(starting).rejects.toThrow(CloudOptionError);
    await expect(starting).rejects.toThrow(expected);
  });
});

test('nothing that it logs holds a token or a signed URL', async () => {
  const double = await RegistryDouble.start();
  double.refusals.push({ status: 503 });
  double.dialRefusals.push(403, 500);
  const executor = await startExecutor(double);
  const client = await double.accept();
  await client.initialize();
  client.cut();
  await double.down();
  await executor.heard('retrying', 6);
  expect(executor.log.length).toBeGreaterThan(8);
  expect(executor.log.join('\n')).not.toContain(SIGNATURE);
  expect(executor.log.join('\n')).not.toContain(double.token);
});

test('over https and wss it trusts what the environment tells it to, for both', async () => {
  const authority = createAuthority();
  const double = await RegistryDouble.start({ certificate: authority.issue() });
  const distrustful = await startExecutor(double);
  await distrustful.heard('retrying');
  expect(distrustful.news[0]).toMatchObject({ reason: /certificate/ });
  await distrustful.serving.close();
  vi.stubEnv('SSL_CERT_FILE', authority.file);
  atEnd(() => vi.unstubAllEnvs());
  await startExecutor(double);
  await (await double.accept()).initialize();
  expect(double.baseUrl).toMatch(/^https:/);
});

test('closing it ends the connection that nobody uses, whatever it was doing, and takes no more', async () => {
  const double = await RegistryDouble.start();
  const idle = await startExecutor(double);
  const socket = await double.accept();
  await idle.heard('connected');
  await idle.serving.close();
  expect(await socket.closed).toMatchObject({ code: 1001 });
  await idle.serving.ended;

  await double.down();
  const waiting = await startExecutor(double, {
    sleep: (_ms, signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
  });
  await waiting.heard('retrying');
  await waiting.serving.close();
});

test('a harness that is connected when it is closed stays', async () => {
  const double = await RegistryDouble.start();
  const { serving } = await startExecutor(double);
  const client = await double.accept();
  await client.initialize();
  await serving.close();
  await expectEcho(client, 'p');
});
