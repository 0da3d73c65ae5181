import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { connected, refuse, ScriptedRegistry } from '../../test/cloud/scripted-registry.js';
import { atEnd, CutProxy, shell, startInProcess, until } from '../../test/harness/index.js';
import { type ConnectOptions, ExecServerClient, type RegistryTarget, type StartParams, text } from './index.js';

const OFFLINE = refuse(503, 'environment_offline', 'last seen at noon');

/** A registry that hands out the way to a server, and how to connect by it. */
async function open() {
  const server = await startInProcess();
  const proxy = await CutProxy.listen(server.url);
  const registry = await ScriptedRegistry.listen();
  const online = connected('box', proxy.url);
  registry.answer = () => online;
  const connect = async (options?: ConnectOptions, target: Partial<RegistryTarget> = {}) => {
    const client = await ExecServerClient.connect(
      { registry: registry.url, environmentId: 'box', bearerToken: 't0ken', ...target },
      options,
    );
    atEnd(() => client.close());
    return client;
  };
  /** Says these first, in this order, and then the way to the server. */
  const script = (...answers: (typeof online)[]) => {
    registry.answer = () => answers.shift() ?? online;
  };
  return { proxy, registry, online, connect, script };
}

/** Everything that could be printed of an error, causes included. */
const everythingAbout = (error: unknown) => `${error} ${inspect(error, { depth: 20, showHidden: true })}`;

test('every connection has a URL and a token of its own, and the client the same id', async () => {
  const { proxy, registry, connect } = await open();
  let asked = 0;
  const client = await connect({}, { bearerToken: () => `token-${++asked}` });
  const process = await client.processes.start(
    shell('p', 'read x; echo $x', { pipeStdin: true }) as unknown as StartParams,
  );
  proxy.cutAll();
  await process.write(Buffer.from('on\n'));
  expect(await text(process)).toMatchObject({ stdout: 'on\n', exitCode: 0 });
  expect(registry.seen.map(({ authorization }) => authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
  const [first, second] = registry.seen.map(({ body }) => (body as { harness_id: string }).harness_id);
  expect(first).toMatch(/^[0-9a-f-]{36}$/);
  expect(second).toBe(first);
  await connect();
  expect((registry.seen[2]?.body as { harness_id: string }).harness_id).not.toBe(first);
});

test('the first connection waits for one that is offline, in use, or behind a node that drains', async () => {
  const { registry, connect, script } = await open();
  script(OFFLINE, refuse(409, 'environment_in_use', 'busy'), refuse(503, 'draining', 'soon'));
  await connect();
  expect(registry.seen).toHaveLength(4);
});

test('one that stays offline is told with what the registry says, as something to try again', async () => {
  const { registry, connect } = await open();
  registry.answer = () => OFFLINE;
  await expect(connect({ connectTimeoutMs: 1_500 })).rejects.toMatchObject({
    name: 'DialError',
    status: 503,
    retryable: true,
    message: expect.stringMatching(/^environment `box`: .*last seen at noon; it may come back: try again later$/),
  });
});

test('a registry that asks for more patience than there is left is not asked again', async () => {
  const { registry, connect } = await open();
  registry.answer = () => ({ ...OFFLINE, headers: { 'retry-after': '5' } });
  await expect(connect({ connectTimeoutMs: 2_000 })).rejects.toMatchObject({ status: 503, retryAfterMs: 5_000 });
  expect(registry.seen).toHaveLength(1);
});

test.each([
  [refuse(404, 'unknown_environment', 'no'), 404, /no executor has registered under this id/],
  [refuse(404, 'not_found', 'no'), 404, /check the base URL of the registry/],
  [refuse(401, 'unauthorized', 'expired'), 401, /expired; connect with a token for this environment/],
  [refuse(403, 'forbidden', 'not yours'), 403, /not yours; connect with a token for this environment/],
])('%j ends the first connection at once', async (answer, status, message) => {
  const { registry, connect } = await open();
  registry.answer = () => answer;
  await expect(connect()).rejects.toMatchObject({ status, retryable: false, message: expect.stringMatching(message) });
  expect(registry.seen).toHaveLength(1);
});

test.each([
  [refuse(404, 'unknown_environment', 'no'), /coming back was refused: .*no executor has registered/],
  [refuse(403, 'forbidden', 'not yours'), /coming back was refused: .*not yours/],
])('%j ends recovery at once', async (answer, message) => {
  const { proxy, registry, connect } = await open();
  const client = await connect();
  registry.answer = () => answer;
  proxy.cutAll();
  await until(() => client.state.status === 'failed');
  expect(client.state).toMatchObject({ reason: expect.stringMatching(message) });
  expect(registry.seen).toHaveLength(2);
});

test('recovery outlasts one that is offline, and says at its deadline why it did not come back', async () => {
  const { proxy, registry, connect, script } = await open();
  const client = await connect({ recovery: { deadlineMs: 3_000 } });
  script(OFFLINE, OFFLINE);
  proxy.cutAll();
  await until(() => client.state.status === 'recovering');
  expect(await client.call('environment/status', {})).toMatchObject({ status: 'ready' });
  registry.answer = () => OFFLINE;
  proxy.cutAll();
  await until(() => client.state.status === 'failed');
  expect(client.state).toMatchObject({ reason: expect.stringMatching(/within 3 s .* last seen at noon; it may come/) });
});

test.each([401, 403, 409, 503])('a signed URL that is refused with %i is replaced by a fresh one', async (status) => {
  const { proxy, registry, connect, script } = await open();
  registry.handshake = refuse(status, 'url_replayed', 'used before');
  script(connected('box', registry.refusedUrl));
  const client = await connect();
  script(connected('box', registry.refusedUrl));
  proxy.cutAll();
  await until(() => client.state.status === 'recovering');
  await client.call('environment/status', {});
  expect([registry.refusedHandshakes, registry.seen.length]).toEqual([2, 4]);
});

test('why the rendezvous refused the connection is told, without the URL', async () => {
  const { registry, connect } = await open();
  registry.handshake = refuse(409, 'environment_in_use', 'it serves one harness at a time');
  registry.answer = () => connected('box', registry.refusedUrl);
  const error: unknown = await connect({ connectTimeoutMs: 1_500 }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    status: 409,
    retryable: true,
    message: expect.stringMatching(/HTTP 409: environment_in_use: it serves one harness at a time$/),
  });
  expect(everythingAbout(error)).not.toMatch(/s3cret|t0ken/);
});

test('a registry that is not there is waited for, and told', async () => {
  const { connect } = await open();
  const error: unknown = await connect({ connectTimeoutMs: 200 }, { registry: 'http://127.0.0.1:1' }).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('could not be reached') });
  expect(everythingAbout(error)).not.toContain('t0ken');
});

test.each(['t0ken\n', 't0ken t0ken', ''])('the token %j is refused here, and not quoted', async (bearerToken) => {
  const { registry, connect } = await open();
  const error: unknown = await connect({}, { bearerToken }).catch((reason: unknown) => reason);
  expect(everythingAbout(error)).toContain('the token for the registry cannot be one');
  expect(everythingAbout(error)).not.toContain('t0ken');
  expect(registry.seen).toEqual([]);
});

test('a token goes in clear text to nobody', async () => {
  const { connect } = await open();
  await expect(connect({}, { registry: 'http://192.0.2.1' })).rejects.toMatchObject({
    retryable: false,
    message: expect.stringContaining('must be https'),
  });
});

test('connecting can be given up while it waits', async () => {
  const { registry, connect } = await open();
  const enough = new AbortController();
  registry.answer = () => {
    queueMicrotask(() => enough.abort(new Error('enough')));
    return { ...OFFLINE, headers: { 'retry-after': '9' } };
  };
  await expect(connect({ signal: enough.signal })).rejects.toThrow('enough');
});
