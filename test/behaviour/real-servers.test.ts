import { test } from 'vitest';
import { findPeer } from '../../bench/peers.mjs';
import { realServer } from './places.js';
import { placeBehaves } from './suite.js';

// Where somebody (`npm run bench`, `npm run verify`) has installed them.
for (const version of ['0.129.0', '0.169.0'] as const) {
  const binary = findPeer(version);
  if (binary) placeBehaves(realServer(version, binary));
  else test.skip(`skipped: codex ${version} is not installed here; \`npm run bench\` installs it`, () => undefined);
}
