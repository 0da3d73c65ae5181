import { posix } from 'node:path';
import type { FileSystem } from '../../files/types.js';
import { ErrorCode, WireError } from '../../protocol/errors.js';
import { formatPath, type NativePath, parsePath } from '../../protocol/paths.js';
import type { EnvironmentInfo } from '../../protocol/session-methods.js';
import { configLayers, requirementLayers } from '../config-layers.js';
import type { Handlers } from '../handlers.js';

/** `environmentConfig/read`: what the configuration files over there say. */
export function environmentConfigHandlers(files: FileSystem) {
  return {
    async 'environmentConfig/read'({ cwd, configPaths, requirementsPaths }, { services }) {
      const info = await services.processes.environmentInfo();
      const codexHome = codexHomeOf(info);
      const [config, requirements] = await Promise.all([
        configLayers(files, { cwd: parsePath(cwd), codexHome, paths: configPaths }),
        requirementLayers(files, requirementsPaths),
      ]);
      const codexHomeDir = formatPath(codexHome, 'uri');
      return { userHomeDir: info.userHomeDir, codexHomeDir, hostname: info.hostname, config, requirements };
    },
  } satisfies Handlers;
}

/** A real server does not say where it is: then it is where it is unless somebody has set CODEX_HOME. */
export function codexHomeOf({ codexHomeDir, userHomeDir }: EnvironmentInfo): NativePath {
  if (codexHomeDir != null) return parsePath(codexHomeDir);
  if (userHomeDir != null) return posix.join(parsePath(userHomeDir), '.codex');
  throw new WireError(
    ErrorCode.unknownMethod,
    'where configuration files are is not known: the server behind this one does not tell the home of its user',
    { kind: 'capability_unavailable' },
  );
}
