import { afterAll, beforeAll, describe, test } from 'vitest';
import { findPeer } from '../../bench/peers.mjs';
import { realServer } from '../behaviour/places.js';
import { sessionsBehave } from './sessions.js';

for (const version of ['0.129.0', '0.169.0'] as const) {
  const binary = findPeer(version);
  if (!binary) {
    test.skip(`skipped: codex ${version} is not installed here; \`npm run bench\` installs it`, () => undefined);
    continue;
  }
  const place = realServer(version, binary);
  describe(`over ${place.name}`, () => {
    let end: () => void = () => undefined;
    beforeAll(async () => {
      end = await place.begin();
    });
    afterAll(() => end());
    sessionsBehave(place);
  });
}
