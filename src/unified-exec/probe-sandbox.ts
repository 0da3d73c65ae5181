import { randomUUID } from 'node:crypto';
import { processId } from '../process/types.js';
import { WireError } from '../protocol/errors.js';
import type { NativePath } from '../protocol/paths.js';
import type { SandboxContext } from '../protocol/sandbox.js';
import { DEFAULT_ENVIRONMENT_POLICY } from './agent-environment.js';
import type { CommandPlace } from './types.js';
import { EnvironmentOperationError } from './unified-exec-error.js';

/** No command can be run under these permissions. */
export class SandboxProbeError extends EnvironmentOperationError {
  override readonly name = 'SandboxProbeError';
  readonly code = 'sandbox_unavailable';

  constructor(cause: unknown) {
    super(cause, ({ message }) => `commands cannot be confined to these permissions: ${message}`);
  }
}

/** Runs a command that does nothing. Rejects with SandboxProbeError where it cannot be confined: then no other should be tried. */
export async function probeSandbox(place: CommandPlace, sandbox: SandboxContext, cwd: NativePath): Promise<void> {
  try {
    const process = await place.processes.start({
      processId: processId(`probe-${randomUUID()}`),
      argv: ['/bin/sh', '-c', ':'],
      cwd,
      env: {},
      envPolicy: DEFAULT_ENVIRONMENT_POLICY,
      tty: false,
      sandbox,
    });
    await process.ended();
    process.release();
  } catch (error) {
    // The permissions may be such that there is no shell: they hold all the same, and who runs something is told.
    if (error instanceof WireError && error.kind === 'spawn_failed') return;
    throw new SandboxProbeError(error);
  }
}
