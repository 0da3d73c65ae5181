import { posix } from 'node:path';
import type { FileSystem } from '../../files/types.js';
import { formatPath, parsePath } from '../../protocol/paths.js';
import type { Handlers } from '../handlers.js';
import { codexHomeOf } from './environment-config.js';

/**
 * `capabilities/discoverV2`: lists none. The flag that makes a client ask for it is not announced, so clients look for
 * skills and plugins over `fs/*`, as they do on older servers; whoever asks all the same is told where there may be some.
 */
export function capabilityHandlers(files: FileSystem) {
  return {
    async 'capabilities/discoverV2'(_params, { services }) {
      const info = await services.processes.environmentInfo();
      const codexHome = codexHomeOf(info);
      const home = info.userHomeDir == null ? [] : [posix.join(parsePath(info.userHomeDir), '.agents/skills')];
      const roots = [`${codexHome}/skills`, `${codexHome}/plugins`, ...home, '/etc/codex/skills'];
      const isDirectory = (path: string) =>
        files.getMetadata(path).then(
          (metadata) => metadata.isDirectory,
          () => false, // what cannot be looked at holds nothing for this user
        );
      const there = await Promise.all(roots.map(isDirectory));
      const warnings = roots
        .filter((_, i) => there[i])
        .map((root) => `skills and plugins are not listed by this server: look below ${formatPath(root, 'uri')}`);
      return { plugins: [], skills: [], warnings };
    },
  } satisfies Handlers;
}
