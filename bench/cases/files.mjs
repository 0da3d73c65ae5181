// Files as an agent that patches uses them: small ones, one after the other, with and without a sandbox.
import fs from 'node:fs';
import path from 'node:path';
import { mustEqual } from '../invalid-result.mjs';

const FILE_BYTES = 4096;
const READS = 40;
const PATCHED_FILES = 10;
const content = Buffer.alloc(FILE_BYTES, 'x').toString('base64');

const special = (kind) => ({ type: 'special', value: { kind } });

/** Everything may be read, the workspace written: what agents are given by default. */
function workspaceWrite(client, workspace) {
  return {
    permissions: {
      type: 'managed',
      file_system: {
        type: 'restricted',
        entries: [
          { path: special('root'), access: 'read' },
          { path: special('project_roots'), access: 'write' },
        ],
      },
      network: 'restricted',
    },
    cwd: client.path(workspace),
    workspaceRoots: [client.path(workspace)],
    windowsSandboxLevel: 'disabled',
  };
}

/** Beside the server's other files, so that they go with them. */
function openWorkspace({ client, server }) {
  const workspace = fs.realpathSync(fs.mkdtempSync(path.join(server.leftovers.folder, 'workspace-')));
  const files = Array.from({ length: PATCHED_FILES }, (_, i) => path.join(workspace, `f${i}`));
  for (const file of files) fs.writeFileSync(file, Buffer.from(content, 'base64'));
  return { files: files.map((file) => client.path(file)), sandbox: workspaceWrite(client, workspace) };
}

async function timed(work) {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function read(client, file, sandbox) {
  const { result } = await client.call('fs/readFile', { path: file, sandbox });
  mustEqual('content', result.dataBase64, content);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

export const readFile = {
  name: 'read-4k',
  summary: `fs/readFile of ${FILE_BYTES} bytes, plain and in a sandbox (read everywhere, write in the workspace)`,
  metrics: [
    { key: 'plain', label: 'plain', unit: 'ms', better: 'lower' },
    { key: 'confined', label: 'in a sandbox', unit: 'ms', better: 'lower' },
    { key: 'cost', label: 'sandbox / plain', unit: 'x', better: 'lower', bar: { absolute: 1.5 } },
  ],
  rounds: { full: 6, quick: 2 },
  open: openWorkspace,
  async round({ client, state: { files, sandbox } }) {
    const plain = [];
    const confined = [];
    for (let i = 0; i < READS; i++) {
      plain.push(await timed(() => read(client, files[i % PATCHED_FILES], null)));
      confined.push(await timed(() => read(client, files[i % PATCHED_FILES], sandbox)));
    }
    return { plain, confined, cost: [median(confined) / median(plain)] };
  },
};

/** Read, look, write: what a patch does with each file. */
async function patchOneByOne(client, files, sandbox) {
  for (const file of files) {
    await read(client, file, sandbox);
    await client.call('fs/getMetadata', { path: file, sandbox });
    await client.call('fs/writeFile', { path: file, dataBase64: content, sandbox });
  }
}

async function patchInOneBatch(client, files, sandbox) {
  const operations = files.flatMap((file) => [
    { op: 'readFile', path: file },
    { op: 'getMetadata', path: file },
    { op: 'writeFile', path: file, dataBase64: content },
  ]);
  const { result } = await client.call('fs/batch', { operations, sandbox });
  mustEqual('operations done', result.results.filter(({ status }) => status === 'ok').length, operations.length);
}

export const patchTenFiles = {
  name: 'patch-ten-files',
  summary: `read, stat and write of ${PATCHED_FILES} files in a sandbox: ours in one fs/batch, the others call by call`,
  metrics: [{ key: 'time', unit: 'ms', better: 'lower', bar: { ratio: 1 } }],
  rounds: { full: 6, quick: 2 },
  open: openWorkspace,
  async round({ client, state: { files, sandbox } }) {
    const patch = client.announces('fsBatch') ? patchInOneBatch : patchOneByOne;
    return { time: [await timed(() => patch(client, files, sandbox))] };
  },
};
