import { answersReturn } from './answers.js';
import { bodiesFlow } from './bodies.js';
import { failuresTell } from './failures.js';
import type { HttpPlace } from './place.js';
import { requestsArrive } from './requests.js';

/** What holds of HTTP requests wherever they start. All places under test share this machine's loopback. */
export function httpBehaves(place: HttpPlace): void {
  requestsArrive(place);
  answersReturn(place);
  bodiesFlow(place);
  failuresTell(place);
}
