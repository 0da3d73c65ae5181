import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { connectServer, type McpServerConfig } from '../../src/mcp/index.js';
import { openPlace, type Place } from '../behaviour/places.js';
import { atEnd } from '../harness/index.js';
import { everything, filesystem, officialServers, places, scripted } from './servers.js';

const found = await officialServers();
/** With answers for what a server may ask of its client. */
async function open(server: McpServerConfig, place: Place, asked: string[] = []): Promise<Client> {
  const client = await connectServer({ ...server, cwd: tmpdir() } as McpServerConfig, openPlace(place), {
    clientOptions: { capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } } },
    configure(client) {
      client.setRequestHandler('sampling/createMessage', () => {
        asked.push('sampling');
        return { model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled' } };
      });
      client.setRequestHandler('elicitation/create', () => {
        asked.push('elicitation');
        return { action: 'accept', content: { name: 'elicited' } };
      });
      client.setRequestHandler('roots/list', () => {
        asked.push('roots');
        return { roots: [{ uri: 'file:///somewhere' }] };
      });
    },
  });
  atEnd(() => client.close());
  return client;
}

/** What each tool of server-everything is called with; those that are not named here take nothing. */
const EVERYTHING: Record<string, Record<string, unknown>> = {
  echo: { message: 'hé 𝄞' },
  'get-annotated-message': { messageType: 'error', includeImage: true },
  'get-structured-content': { location: 'Chicago' },
  'get-sum': { a: 2, b: 3 },
  'gzip-file-as-resource': { name: 'a.gz', data: 'data:text/plain,hello', outputType: 'resource' },
  'trigger-long-running-operation': { duration: 0.2, steps: 2 },
  'trigger-sampling-request': { prompt: 'p', maxTokens: 5 },
  'trigger-url-elicitation': { url: 'https://localhost/', message: 'm' },
};
/** Runs as an MCP task only, and says so: the SDK's client has no call for that any more. */
const TASKS_ONLY = ['simulate-research-query'];

async function runAsTask(client: Client, name: string, args = {}): Promise<unknown> {
  const params = { name, arguments: args, task: { ttl: 60_000 } };
  const started = z.looseObject({ task: z.looseObject({ taskId: z.string() }) });
  const { taskId } = (await client.request({ method: 'tools/call', params }, started)).task;
  return client.request(
    { method: 'tasks/result', params: { taskId } },
    z.looseObject({ content: z.array(z.unknown()) }),
  );
}

function officialBehave(folder: string, place: Place): void {
  let end: () => void = () => undefined;
  beforeAll(async () => {
    end = await place.begin();
  });
  afterAll(() => end());

  test('every tool, prompt and resource of server-everything', async () => {
    const asked: string[] = [];
    const client = await open(everything(folder), place, asked);
    const { tools } = await client.listTools();
    expect(tools.length).toBeGreaterThan(12);
    const said: Record<string, string> = {};
    for (const { name } of tools.filter(({ name }) => !TASKS_ONLY.includes(name))) {
      const result = await client.callTool({ name, arguments: EVERYTHING[name] ?? {} });
      expect([name, result.isError ?? false]).toEqual([name, false]);
      said[name] = JSON.stringify(result.content);
    }
    expect(said.echo).toContain('Echo: hé 𝄞');
    expect(said['trigger-sampling-request']).toContain('sampled');
    expect(said['trigger-elicitation-request']).toContain('Name: elicited');
    expect(said['trigger-url-elicitation']).toContain('User completed the URL elicitation flow');
    expect(new Set(asked)).toEqual(new Set(['sampling', 'elicitation', 'roots']));
    const { prompts } = await client.listPrompts();
    expect(prompts).toHaveLength(4);
    for (const { name } of prompts) {
      const args = { city: 'c', department: 'Engineering', name: 'Alice', resourceType: 'Text', resourceId: '1' };
      expect((await client.getPrompt({ name, arguments: args })).messages.length).toBeGreaterThan(0);
    }
    const { resources } = await client.listResources();
    const { resourceTemplates } = await client.listResourceTemplates();
    const dynamic = resourceTemplates.map(({ uriTemplate }) => uriTemplate.replace('{resourceId}', '1'));
    expect(dynamic).toHaveLength(2);
    for (const uri of [...resources.map(({ uri }) => uri), ...dynamic]) {
      expect((await client.readResource({ uri })).contents).toHaveLength(1);
    }
    const ref = { type: 'ref/prompt' as const, name: 'completable-prompt' };
    const { completion } = await client.complete({ ref, argument: { name: 'department', value: 'E' } });
    expect(completion.values).toEqual(['Engineering']);
  });

  test('a tool that runs as a task', async () => {
    const client = await open(everything(folder), place);
    const result = await runAsTask(client, 'simulate-research-query', { topic: 't' });
    expect(result).toMatchObject({ content: [{ text: expect.stringContaining('Research Report') }] });
  });

  test('what a server sends unasked comes: messages, and changes of what was subscribed to', async () => {
    const client = await open(everything(folder), place);
    const uri = 'demo://resource/dynamic/text/1';
    const message = new Promise((resolve) => client.setNotificationHandler('notifications/message', resolve));
    const updated = new Promise<string>((resolve) => {
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => resolve(params.uri));
    });
    await client.subscribeResource({ uri });
    expect(await message).toMatchObject({ params: { level: 'info', data: expect.stringContaining(uri) } });
    await client.callTool({ name: 'toggle-subscriber-updates', arguments: {} });
    expect(await updated).toBe(uri);
    await client.unsubscribeResource({ uri });
  });

  test('progress comes, a cancelled call is cancelled on the server, and does not stop the next', async () => {
    const client = await open(everything(folder), place);
    const progress: number[] = [];
    const long = { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } };
    await client.callTool(long, { onprogress: (step) => void progress.push(step.progress) });
    expect(progress).toEqual([1, 2, 3]);
    const cancel = new AbortController();
    const endless = { ...long, arguments: { duration: 60, steps: 600 } };
    const cancelled = client.callTool(endless, { signal: cancel.signal, onprogress: () => cancel.abort('enough') });
    await expect(cancelled).rejects.toThrow();
    expect(await client.callTool({ name: 'get-sum', arguments: { a: 1, b: 2 } })).toMatchObject({
      content: [{ text: expect.stringContaining('3') }],
    });

    // server-everything does not tell of it; this one does.
    const told = await open(
      scripted(
        'told',
        `let heard; const cancelled = new Promise((resolve) => { heard = resolve });
         tools.hang = () => send({ method: 'notifications/message', params: { level: 'info', data: 'hanging' } }); tools.cancelled = async () => text(await cancelled);
         methods['notifications/cancelled'] = ({ reason }) => { heard(reason) };`,
      ),
      place,
    );
    const hang = new AbortController();
    told.setNotificationHandler('notifications/message', () => hang.abort('enough of it'));
    const hanging = told.callTool({ name: 'hang' }, { signal: hang.signal });
    await expect(hanging).rejects.toThrow();
    expect(await told.callTool({ name: 'cancelled' })).toMatchObject({ content: [{ text: 'enough of it' }] });
  });

  test('every tool of server-filesystem', async () => {
    const root = mkdtempSync(join(tmpdir(), 'exec-server-mcp-'));
    atEnd(() => rmSync(root, { recursive: true, force: true }));
    const client = await connectServer({ ...filesystem(folder, root), cwd: root }, openPlace(place));
    atEnd(() => client.close());
    const path = join(root, 'a.txt');
    const calls: [string, Record<string, unknown>][] = [
      ['list_allowed_directories', {}],
      ['create_directory', { path: join(root, 'sub') }],
      ['write_file', { path, content: 'one\ntwo\n' }],
      ['edit_file', { path, edits: [{ oldText: 'two', newText: 'three é' }] }],
      ['read_file', { path }],
      ['read_text_file', { path, head: 1 }],
      ['read_media_file', { path }],
      ['read_multiple_files', { paths: [path] }],
      ['list_directory', { path: root }],
      ['list_directory_with_sizes', { path: root }],
      ['directory_tree', { path: root }],
      ['search_files', { path: root, pattern: '*.txt' }],
      ['get_file_info', { path }],
      ['move_file', { source: path, destination: join(root, 'sub', 'b.txt') }],
    ];
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual(calls.map(([name]) => name).sort());
    for (const [name, args] of calls) {
      const result = await client.callTool({ name, arguments: args });
      expect([name, result.isError ?? false]).toEqual([name, false]);
    }
    expect(readFileSync(join(root, 'sub', 'b.txt'), 'utf8')).toBe('one\nthree é\n');
  });
}

if ('missing' in found) {
  test.skip(`skipped: the official servers cannot be installed here: ${found.missing}`, () => undefined);
} else {
  for (const place of places()) describe(`over ${place.name}`, () => officialBehave(found.folder, place));
}
