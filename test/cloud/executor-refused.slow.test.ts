import { expect, test } from 'vitest';
import { execServer } from '../cli/command-line.js';
import { RegistryDouble } from './registry-double.js';

test('a token that is refused again and again ends the command with 1 and a clear word', async () => {
  const double = await RegistryDouble.start();
  const flags = ['--cloud', '--cloud-base-url', double.baseUrl, '--cloud-environment-id', 'ex-1'];
  const env = { CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN: 'wrong-5ecret' };
  const { code, stderr } = await execServer(['serve', ...flags], { env }).ended();
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^exec-server: cannot register .*HTTP 401: .*\(6 times in a row: new credentials are needed\)$/m,
  );
  expect(stderr).not.toContain('wrong-5ecret');
  expect(double.requests).toBe(6);
}, 60_000);
