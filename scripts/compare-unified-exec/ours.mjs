// The same calls of our unified exec, as an agent would make them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LocalEnvironment, RemoteEnvironment } from 'exec-server/environment';
import { agentTools, UnifiedExecManager } from 'exec-server/unified-exec';
import { argumentsOf, steps } from './steps.mjs';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Map(name -> text). `folder` is where the commands run. */
async function textsOf(environment, folder) {
  const manager = new UnifiedExecManager({ environments: environment, cwd: folder, env: { HOME: folder } });
  try {
    const tools = new Map(agentTools(manager).map((tool) => [tool.name, tool]));
    const texts = new Map();
    for (const step of steps) {
      const args = argumentsOf(step, (name) => texts.get(name));
      texts.set(step.name, await tools.get(step.tool).execute(JSON.stringify(args)));
    }
    return texts;
  } finally {
    await manager.close();
    await environment.close();
  }
}

export function localTexts(folder) {
  return textsOf(new LocalEnvironment(), folder);
}

export async function servedTexts(folder, env) {
  const server = spawn(process.execPath, [MAIN, 'serve', '--log-level', 'warn'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = String((await once(server.stdout, 'data'))[0]).trim();
    return await textsOf(new RemoteEnvironment({ id: 'served', url }), folder);
  } finally {
    server.kill();
  }
}
