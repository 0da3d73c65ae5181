import { overRealServers } from './every-place.js';
import { sessionsBehave } from './sessions.js';

overRealServers(sessionsBehave);
