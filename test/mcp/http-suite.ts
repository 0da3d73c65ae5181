import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Client } from '@modelcontextprotocol/client';
import type { McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectServer, type HttpMcpServer } from '../../src/mcp/index.js';
import { openPlace, type Place } from '../behaviour/places.js';
import { atEnd, deferred, until } from '../harness/index.js';
import { startHttpMcpServer } from './http-server.js';

/** A server over HTTP that answers with JSON, counts what happens, and forgets its sessions when it is told to. */
export async function forgetful() {
  const sessions = new Set<string>();
  const seen = { initialize: 0, lists: 0, calls: 0, refused: 0, headers: [] as IncomingMessage['headers'][] };
  const http = createServer(async (request, response) => {
    seen.headers.push(request.headers);
    const body = (await request.toArray()).join('');
    if (request.method !== 'POST') return response.writeHead(405).end();
    const { id, method, params } = JSON.parse(body);
    const session = request.headers['mcp-session-id'];
    const answer = (result: object, headers = {}) =>
      response
        .writeHead(200, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    if (method === 'initialize') {
      seen.initialize += 1;
      const fresh = randomUUID();
      sessions.add(fresh);
      const capabilities = { tools: { listChanged: true } };
      const { protocolVersion } = params;
      const result = { protocolVersion, capabilities, serverInfo: { name: 'f', version: '1' } };
      return answer(result, { 'mcp-session-id': fresh });
    }
    if (typeof session !== 'string' || !sessions.has(session)) {
      seen.refused += 1;
      return response.writeHead(404).end('unknown session');
    }
    if (id === undefined) return response.writeHead(202).end();
    if (method === 'tools/list') {
      seen.lists += 1;
      return answer({ tools: [] });
    }
    seen.calls += 1;
    return answer({ content: [{ type: 'text', text: params.arguments.n }] });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  atEnd(() => {
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`, sessions, seen };
}

interface Call {
  progress(step: number): Promise<void>;
  answer(): void;
}

/** Tools whose calls wait until the test lets them go on. */
export function waiting() {
  const calls: Call[] = [];
  const tools = (server: McpServer) => {
    server.registerTool('echo', {}, () => ({ content: [{ type: 'text', text: 'echo' }] }));
    server.registerTool('wait', {}, async ({ mcpReq }) => {
      const { promise, resolve } = deferred();
      const progressToken = mcpReq._meta?.progressToken ?? 'none';
      const progress = (step: number) =>
        mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: step } });
      calls.push({ progress, answer: resolve });
      await promise;
      return { content: [{ type: 'text', text: 'waited' }] };
    });
  };
  return { calls, tools };
}

/** A call of which the first progress, 0, has come: its stream is open on both sides. */
export async function begin(client: Client, calls: Call[]) {
  const steps: number[] = [];
  const before = calls.length;
  const onprogress = ({ progress }: { progress: number }) => void steps.push(progress);
  const call = client.callTool({ name: 'wait' }, { onprogress });
  const there = await until(() => calls[before]);
  await there.progress(0);
  await until(() => steps.length === 1);
  return { call, steps, progress: there.progress, answer: there.answer };
}

export const waited = { content: [{ type: 'text', text: 'waited' }] };

/** What holds for servers over Streamable HTTP that are reached from any place. */
export function httpBehaves(place: Place): void {
  let end: () => void = () => undefined;
  beforeAll(async () => {
    // For the server of the place, which has this environment from us.
    process.env.MCP_TEST_TOKEN = 'far token';
    end = await place.begin();
  });
  afterAll(() => {
    delete process.env.MCP_TEST_TOKEN;
    end();
  });

  async function connect(server: Omit<HttpMcpServer, 'name'>): Promise<Client> {
    const client = await connectServer({ name: 'web', ...server }, openPlace(place));
    atEnd(() => client.close());
    return client;
  }

  test('ten calls on an expired session open one new session, and each is carried out once', async () => {
    const { url, sessions, seen } = await forgetful();
    const client = await connect({ url });
    let changed = 0;
    client.setNotificationHandler('notifications/tools/list_changed', async () => {
      changed += 1;
      await client.listTools();
    });
    const calls = () =>
      Promise.all(Array.from({ length: 10 }, (_, n) => client.callTool({ name: 'x', arguments: { n: String(n) } })));
    await calls();
    sessions.clear();
    const answers = await calls();
    expect(answers.map(({ content }) => content)).toEqual(
      Array.from({ length: 10 }, (_, n) => [{ type: 'text', text: String(n) }]),
    );
    expect(seen).toMatchObject({ initialize: 2, calls: 20 });
    expect(seen.refused).toBeGreaterThan(0);
    await until(() => seen.lists === 1);
    expect(changed).toBe(1);
  });

  test('a token out of a variable over there is sent, or refused where it would be left out', async () => {
    const { url, seen } = await forgetful();
    const connecting = connect({ url, http_headers: { 'x-a': 'one' }, bearer_token_env_var: 'MCP_TEST_TOKEN' });
    if (place.real === '0.129.0') {
      await expect(connecting).rejects.toThrow('cannot fill headers from variables');
      expect(seen.headers).toEqual([]);
      return;
    }
    await (await connecting).callTool({ name: 'x', arguments: { n: '1' } });
    expect(seen.headers.at(-1)).toMatchObject({ 'x-a': 'one', authorization: 'Bearer far token' });
  });

  test('a server that never knows its sessions is not asked for ever', async () => {
    const { url, sessions, seen } = await forgetful();
    const client = await connect({ url });
    sessions.add = () => sessions; // forgets at once
    sessions.clear();
    await expect(client.callTool({ name: 'x', arguments: { n: '1' } })).rejects.toThrow('unknown session');
    expect(seen.initialize).toBe(2);
  });

  test.each([
    ['can', true],
    ['cannot', false],
  ])('calls under way in a session that expires are answered on their streams, or fail when those are cut (streams that %s be resumed)', async (_can, resumable) => {
    const { calls, tools } = waiting();
    const { url, seen, forgetSessions, cutSockets } = await startHttpMcpServer({ tools, resumable });
    const client = await connect({ url });
    const first = await begin(client, calls);
    const cut = Promise.allSettled([(await begin(client, calls)).call, (await begin(client, calls)).call]);
    forgetSessions();
    await Promise.all(Array.from({ length: 10 }, () => client.callTool({ name: 'echo' })));
    expect(seen.filter((request) => request === 'POST initialize')).toHaveLength(2);
    first.answer();
    expect(await first.call).toMatchObject(waited);
    cutSockets();
    const failure = expect.objectContaining({
      message: expect.stringContaining('has forgotten the session of a request'),
      data: { kind: 'mcp_server_closed', mayHaveExecuted: true },
    });
    const failed = { status: 'rejected', reason: failure };
    expect(await cut).toEqual([failed, failed]);
    expect(await client.callTool({ name: 'echo' })).toMatchObject({ content: [{ text: 'echo' }] });
  });

  test('a call whose stream is cut when its session has expired fails, though nobody else asked', async () => {
    const { calls, tools } = waiting();
    const { url, forgetSessions, cutSockets } = await startHttpMcpServer({ tools, resumable: true });
    const client = await connect({ url });
    const { call } = await begin(client, calls);
    forgetSessions();
    cutSockets();
    await expect(call).rejects.toThrow('has forgotten the session of a request');
    expect(await client.callTool({ name: 'echo' })).toMatchObject({ content: [{ text: 'echo' }] });
  });

  test('a call whose stream is cut and cannot be resumed fails at once', async () => {
    const { calls, tools } = waiting();
    const { url, cutSockets } = await startHttpMcpServer({ tools });
    const client = await connect({ url });
    const { call } = await begin(client, calls);
    cutSockets();
    await expect(call).rejects.toThrow('ended without it');
  });

  test('a stream that is cut is resumed with Last-Event-ID, and no message is lost or comes twice', async () => {
    const { calls, tools } = waiting();
    const { url, seen, cutSockets } = await startHttpMcpServer({ tools, resumable: true });
    const client = await connect({ url });
    const { call, steps, progress, answer } = await begin(client, calls);
    for (let round = 0; round < 3; round += 1) {
      cutSockets();
      // While there is no stream, while it is being opened again, and when it is there.
      for (const step of [1, 2, 3]) {
        await progress(round * 3 + step);
        await new Promise(setImmediate);
      }
      await until(() => steps.length === round * 3 + 4);
    }
    cutSockets();
    answer();
    expect(await call).toMatchObject(waited);
    expect(steps).toEqual(Array.from({ length: 10 }, (_, n) => n));
    expect(seen.filter((request) => request === 'POST tools/call')).toHaveLength(1);
  });
}
