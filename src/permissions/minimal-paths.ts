import type { NativePath } from '../protocol/paths.js';

/**
 * What the special `minimal` means: what programs need to be started, where distributions keep it. Real servers show the same
 * (seen of 0.129 and 0.169: not /opt, /run, /sys, /var). They also show a /proc and a /dev of the sandbox's own; a file
 * operation runs in the server, whose /proc would show the environment, tokens included, of the server itself.
 */
export const MINIMAL_PATHS: readonly NativePath[] = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc',
  '/nix/store',
  '/run/current-system/sw',
  '/dev/null',
  '/dev/zero',
  '/dev/full',
  '/dev/random',
  '/dev/urandom',
];
