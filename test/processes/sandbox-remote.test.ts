import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ExecServerClient } from '../../src/client/index.js';
import { atEnd, startInProcess } from '../harness/index.js';
import { startScript } from './launchers.js';
import { record } from './recording.js';
import { noSandbox, sandbox } from './sandboxes.js';
import { scratchDir } from './scratch-dir.js';

async function connect(): Promise<ExecServerClient> {
  const { url } = await startInProcess();
  const client = await ExecServerClient.connect({ url });
  atEnd(() => client.close());
  return client;
}

test.skipIf(noSandbox)(
  `a policy goes with a start to the server, and what became of it comes back ${noSandbox ?? ''}`,
  async () => {
    const client = await connect();
    const workspace = scratchDir();
    const process = await startScript(client.processes, 'echo x > new; echo x > /new; mkdir .git; exit 2', {
      cwd: workspace,
      sandbox: sandbox({ ':root': 'read', [workspace]: 'write' }, 'restricted', workspace),
    });
    const { stderr, exitCode } = await record(process);
    expect(stderr).toMatch(/\/new: Read-only file system\nmkdir: .*\.git/);
    expect({ exitCode, denied: (await process.read()).sandboxDenied }).toEqual({ exitCode: 2, denied: true });
    expect(process.info().sandboxType).toBe('linuxSeccomp');
    expect(readdirSync(workspace)).toEqual(['new']);
  },
);

test('without a policy there is no sandbox, and nothing looks denied', async () => {
  const process = await startScript((await connect()).processes, 'echo permission denied; exit 1');
  await record(process);
  expect(process.info().sandboxType).toBe('none');
  expect((await process.read()).sandboxDenied).toBe(false);
});
