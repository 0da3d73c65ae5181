import { afterAll, beforeAll, describe } from 'vitest';
import { filesBehave } from './files.js';
import { httpBehaves } from './http.js';
import type { Place } from './places.js';
import { processesBehave } from './processes.js';

/** One suite, unchanged, for every place. */
export function placeBehaves(place: Place): void {
  describe(`over ${place.name}`, () => {
    let end: () => void = () => undefined;
    beforeAll(async () => {
      end = await place.begin();
    });
    afterAll(() => end());
    describe('processes', () => processesBehave(place));
    describe('files', () => filesBehave(place));
    describe('HTTP', () => httpBehaves(place));
  });
}
