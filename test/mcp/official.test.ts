import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPeer } from '../../bench/peers.mjs';
import { connectServer, type McpServerConfig } from '../../src/mcp/index.js';
import { openPlace, ourPlaces, type Place, realServer } from '../behaviour/places.js';
import { atEnd } from '../harness/index.js';
import { everything, filesystem, officialServers } from './servers.js';

const found = await officialServers();
const peers = (['0.129.0', '0.169.0'] as const).flatMap((version) => {
  const binary = findPeer(version);
  return binary ? [realServer(version, binary)] : [];
});
const places = [...ourPlaces.filter(({ name }) => name === 'local' || name === 'WebSocket'), ...peers];

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
  'simulate-research-query': { topic: 't' },
};
/** Runs as an MCP task only, and says so. */
const TASKS_ONLY = ['simulate-research-query'];

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
    for (const { name } of tools.filter(({ name }) => !TASKS_ONLY.includes(name))) {
      const result = await client.callTool({ name, arguments: EVERYTHING[name] ?? {} });
      expect([name, result.isError ?? false]).toEqual([name, false]);
    }
    expect(tools.length).toBeGreaterThan(12);
    expect(await client.callTool({ name: 'echo', arguments: EVERYTHING.echo ?? {} })).toMatchObject({
      content: [{ text: 'Echo: hé 𝄞' }],
    });
    const { prompts } = await client.listPrompts();
    for (const { name } of prompts) {
      const args = { city: 'c', department: 'Engineering', name: 'Alice', resourceType: 'Text', resourceId: '1' };
      expect((await client.getPrompt({ name, arguments: args })).messages.length).toBeGreaterThan(0);
    }
    const { resources } = await client.listResources();
    const uris = [
      ...resources.map(({ uri }) => uri),
      'demo://resource/dynamic/text/1',
      'demo://resource/dynamic/blob/2',
    ];
    for (const uri of uris) expect((await client.readResource({ uri })).contents).toHaveLength(1);
    expect(new Set(asked)).toEqual(new Set(['sampling', 'elicitation', 'roots']));
  });

  test('progress comes, and a cancelled call does not stop the next', async () => {
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
  for (const place of places) describe(`over ${place.name}`, () => officialBehave(found.folder, place));
}
