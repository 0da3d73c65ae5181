import { cleanPath, type NativePath } from '../protocol/paths.js';
import {
  type EntryPath,
  isSpecialKind,
  projectRootPaths,
  type SandboxContext,
  subpathIn,
} from '../protocol/sandbox.js';
import { MINIMAL_PATHS } from './minimal-paths.js';
import type { PolicyHost } from './types.js';

export interface NamingContext {
  context: SandboxContext;
  host: PolicyHost;
  warn(message: string): void;
}

/** The paths that an entry names, as text. Throws a WireError for a path that is none, or a subpath that leads out. */
export function pathsNamed(path: Exclude<EntryPath, { type: 'glob_pattern' }>, naming: NamingContext): NativePath[] {
  if (path.type === 'path') return [cleanPath(path.path)];
  const { kind, subpath } = path.value;
  if (kind === 'project_roots') {
    const paths = projectRootPaths(naming.context, subpath);
    if (paths.length === 0) naming.warn('project_roots: ignored, for the request has no workspace roots');
    return paths;
  }
  return specialPaths(kind, naming).map((root) => subpathIn(root, subpath));
}

function specialPaths(kind: string, { context, host, warn }: NamingContext): readonly NativePath[] {
  if (!isSpecialKind(kind)) {
    warn(`special path ${JSON.stringify(kind)}: ignored, for it is not known here`);
    return [];
  }
  switch (kind) {
    case 'root':
      return ['/'];
    case 'minimal':
      return host.minimalPaths ?? MINIMAL_PATHS;
    case 'slash_tmp':
      return ['/tmp'];
    case 'tmpdir':
      if (host.tmpdir?.startsWith('/')) return [cleanPath(host.tmpdir)];
      warn('tmpdir: ignored, for $TMPDIR of the server is not an absolute path');
      return [];
    case 'current_working_directory':
      if (context.cwd !== undefined) return [context.cwd];
      warn('current_working_directory: ignored, for the request has no cwd');
      return [];
    case 'project_roots':
      return context.workspaceRoots ?? [];
  }
}
