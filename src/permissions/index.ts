export { MINIMAL_PATHS } from './minimal-paths.js';
export { PROTECTED_NAMES, resolvePolicy } from './resolve-policy.js';
export type { AccessPolicy, AccessRule, DenyGlob, PolicyHost } from './types.js';
