import { z } from 'zod';
import { optional, unsigned, wirePath } from './fields.js';

export const watchMissingParams = z.object({
  watchId: unsigned,
  /** Nothing is at these paths yet. */
  missing: z.array(wirePath),
  /** What was found instead of them. */
  present: optional(wirePath),
});
/** `watching: false`: look for yourself; nothing will be told. */
export const watchMissingResult = z.looseObject({ watching: z.boolean() });

/** Something has changed about one of the paths: look again. Comes once, and the watch has ended. */
export const missingChangedNotification = z.looseObject({ watchId: unsigned });
