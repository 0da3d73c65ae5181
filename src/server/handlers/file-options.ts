import type { FileOptions } from '../../files/types.js';
import { invalidParams } from '../../protocol/errors.js';
import type { ParamsOf } from '../../protocol/methods.js';
import { parseSandbox } from '../../protocol/sandbox-parse.js';
import { parseSandboxPolicy } from '../../protocol/sandbox-policy.js';

type Terms = Pick<ParamsOf<'fs/canonicalize'>, 'sandbox' | 'sandboxPolicy' | 'followSymlinks'>;

/** The terms of a request as a file system takes them. It enforces them. Throws a WireError for a policy that is none. */
export function fileOptions({ sandbox, sandboxPolicy, followSymlinks }: Terms): FileOptions {
  if (sandbox != null && sandboxPolicy != null) {
    throw invalidParams('`sandbox` and `sandboxPolicy` came together: expected at most one of them');
  }
  return {
    sandbox: sandboxPolicy == null ? parseSandbox(sandbox) : parseSandboxPolicy(sandboxPolicy),
    followSymlinks: followSymlinks ?? undefined,
  };
}
