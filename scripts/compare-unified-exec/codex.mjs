// The real Codex as an agent: its model is a script on loopback that makes the calls.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argumentsOf, steps } from './steps.mjs';

/** All calls together wait for some 30 s. */
const TIMEOUT_MS = 120_000;

const config = (modelUrl) => `
model = "gpt-5.5"
model_provider = "script"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
web_search = "disabled"
[model_providers.script]
name = "script"
base_url = "${modelUrl}"
wire_api = "responses"
requires_openai_auth = false
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
stream_idle_timeout_ms = ${TIMEOUT_MS}
[analytics]
enabled = false
[features]
unified_exec = true
plugins = false
apps = false
shell_snapshot = false
`;

/** What `codex exec` gave its model for each step: Map(name -> text). `folder` is empty and becomes its home and workspace. */
export async function codexTexts(binary, { mockModel, folder, env }) {
  const [home, workspace, temporary] = ['home', 'workspace', 'tmp'].map((name) => join(folder, name));
  for (const path of [home, workspace, temporary]) mkdirSync(path);
  const turns = steps.map((step) => ({ text }) => {
    return [mockModel.call(step.name, step.tool, argumentsOf(step, text))];
  });
  const model = await mockModel.startMockModel({ turns: [...turns, [mockModel.say('done')]] });
  try {
    writeFileSync(join(home, 'config.toml'), config(model.url));
    const codex = spawn(binary, ['exec', '--skip-git-repo-check', '--json', '-C', workspace, 'go'], {
      // A home below the temporary directory is refused. A proxy that is none keeps it off the network.
      env: { ...env, HOME: home, CODEX_HOME: home, TMPDIR: temporary, HTTPS_PROXY: 'http://127.0.0.1:9' },
      cwd: workspace,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let complaints = '';
    codex.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    const [code, signal] = await once(codex, 'close');
    if (model.outputs.size < steps.length)
      throw new Error(
        `expected ${steps.length} answers of ${binary}, it gave ${model.outputs.size} and ended with ${signal ?? code}: ${complaints}`,
      );
    return model.outputs;
  } finally {
    await model.close();
  }
}
