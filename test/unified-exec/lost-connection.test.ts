import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { RemoteEnvironment } from '../../src/environment/index.js';
import { agentTools, UnifiedExecManager } from '../../src/unified-exec/index.js';
import { atEnd, childrenOf } from '../harness/index.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

test('a process whose server died is lost, not exited; the next command gets a new server', async () => {
  const others = new Set(childrenOf());
  const args = [MAIN, 'serve', '--listen', 'stdio', '--log-level', 'warn'];
  const environment = new RemoteEnvironment({ id: 'program', program: process.execPath, args });
  atEnd(() => environment.close());
  const manager = new UnifiedExecManager({ environments: environment, cwd: '/' });
  atEnd(() => manager.close());
  const [execCommand, writeStdin] = agentTools(manager);
  const { sessionId } = await manager.execCommand({ cmd: 'sleep 100', login: false, yieldTimeMs: 250 });
  for (const pid of childrenOf()) if (!others.has(pid)) process.kill(pid, 'SIGKILL');
  const text = await writeStdin.execute({ session_id: sessionId });
  expect(text).toMatch(/^Process lost: .*Whether it still runs is not known: check before running it again$/m);
  expect(text).not.toContain('exited');
  expect(await execCommand.execute({ cmd: 'echo again', login: false })).toMatch(/Output:\nagain\n$/);
});
