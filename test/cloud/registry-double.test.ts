import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findPeer } from '../../bench/peers.mjs';
import { atEnd } from '../harness/index.js';
import { RegistryDouble } from './registry-double.js';

const binary = findPeer('0.129.0');

// Otherwise our executor would be held to what nobody does.
test.skipIf(!binary)(
  `${binary ? '' : 'skipped, it is not installed here: '}the real 0.129.0 passes what the double demands of ours`,
  async () => {
    const double = await RegistryDouble.start({ name: 'box' });
    const home = mkdtempSync(join(homedir(), '.registry-double-')); // not below the temp folder, which it warns of
    const args = ['exec-server', '--remote', double.baseUrl, '--executor-id', 'ex-1', '--name', 'box'];
    const env = { ...process.env, CODEX_HOME: home, CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN: double.token };
    const executor = spawn(String(binary), args, { env, stdio: 'ignore' });
    const ended = once(executor, 'exit');
    atEnd(async () => {
      executor.kill('SIGKILL');
      await ended;
      rmSync(home, { recursive: true });
    });
    const first = await double.accept();
    const resumeSessionId = await first.initialize();
    first.cut();
    await (await double.accept()).initialize({ resumeSessionId });
    expect(double.registered).toHaveLength(2);
    expect(double.registered[0]).toEqual(double.registered[1]);
  },
);
