import { afterAll, beforeAll, describe, test } from 'vitest';
import { findPeer } from '../../bench/peers.mjs';
import { ourPlaces, type Place, realServer } from '../behaviour/places.js';

function over(place: Place, behave: (place: Place) => void): void {
  describe(`over ${place.name}`, () => {
    let end: () => void = () => undefined;
    beforeAll(async () => {
      end = await place.begin();
    });
    afterAll(() => end());
    behave(place);
  });
}

/** This machine, and a server of ours. */
export function overOurs(behave: (place: Place) => void): void {
  for (const place of ourPlaces) if (place.name === 'local' || place.name === 'WebSocket') over(place, behave);
}

export function overRealServers(behave: (place: Place) => void): void {
  for (const version of ['0.129.0', '0.169.0'] as const) {
    const binary = findPeer(version);
    if (binary) over(realServer(version, binary), behave);
    else test.skip(`skipped: codex ${version} is not installed here; \`npm run bench\` installs it`, () => undefined);
  }
}
