import { overOurs } from './every-place.js';
import { sessionsBehave } from './sessions.js';

overOurs(sessionsBehave);
