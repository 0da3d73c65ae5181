import { announcedInfo } from '../announced-info.js';
import type { Handlers } from '../handlers.js';

/** `environment/*`: what the place is where the processes run. */
export const environmentHandlers = {
  'environment/info'(_params, { services }) {
    return announcedInfo(services);
  },

  async 'environment/status'() {
    return { status: 'ready' };
  },
} satisfies Handlers;
