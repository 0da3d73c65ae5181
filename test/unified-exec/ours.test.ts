import { afterAll, beforeAll, describe } from 'vitest';
import { ourPlaces } from '../behaviour/places.js';
import { sessionsBehave } from './sessions.js';

for (const place of ourPlaces.filter(({ name }) => name === 'local' || name === 'WebSocket')) {
  describe(`over ${place.name}`, () => {
    let end: () => void = () => undefined;
    beforeAll(async () => {
      end = await place.begin();
    });
    afterAll(() => end());
    sessionsBehave(place);
  });
}
