import { ourPlaces } from './places.js';
import { placeBehaves } from './suite.js';

for (const place of ourPlaces) placeBehaves(place);
