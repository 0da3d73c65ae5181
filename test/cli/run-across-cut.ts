import { expect } from 'vitest';
import { CutProxy, startInProcess, until } from '../harness/index.js';
import { execServer, numbers } from './command-line.js';

/** `exec-server run` of a command that goes on writing while there is no network for `cutMs`. */
export async function runAcrossCut(cutMs: number): Promise<void> {
  const { url } = await startInProcess();
  const proxy = await CutProxy.listen(url);
  const steps = 20 + Math.ceil(cutMs / 20);
  const script = `i=1; while [ $i -le ${steps} ]; do seq $((i * 100 - 99)) $((i * 100)); i=$((i + 1)); sleep 0.02; done; exit 9`;
  const run = execServer(['run', '--url', proxy.url, '--', 'sh', '-c', script]);
  await run.says('\n500\n');
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => run.stderr().includes('connection lost'));
  await new Promise((resolve) => setTimeout(resolve, cutMs));
  proxy.refuseNew = false;
  const { code, stdout, stderr } = await run.ended();
  expect(stdout).toBe(numbers(steps * 100));
  expect(code).toBe(9);
  expect(stderr).toMatch(/^exec-server: connection lost \(.+\); reconnecting …\nexec-server: reconnected\n$/);
}
