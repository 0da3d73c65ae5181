import { z } from 'zod';
import { base64Text, optional, unsigned } from './fields.js';

export const tcpConnectParams = z.object({
  /** Chosen by the client. Unique among those of the connection that are not over. */
  streamId: z.string(),
  /** A name, which is looked up over there, or an address. */
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  /** Until the connection is made. Absent: CONNECT_TIMEOUT_MS of `tcp/local`. */
  timeoutMs: optional(z.int().min(1)),
  /** Bytes that the server may send before tcp/credit allows more. */
  creditBytes: unsigned,
});

/** `creditBytes`: what the client may send before tcp/credit allows more. */
export const tcpConnectResult = z.looseObject({ creditBytes: unsigned });

/** What both sides send of a stream, as notifications. What comes for a stream that is over is late, and dropped. */
export const streamNotifications = {
  'tcp/data': z.looseObject({ streamId: z.string(), chunk: base64Text }),
  /** The sender has said all that it will say; the other direction goes on. */
  'tcp/end': z.looseObject({ streamId: z.string() }),
  /** It is over at once, both ways. */
  'tcp/reset': z.looseObject({ streamId: z.string(), message: optional(z.string()), errno: optional(z.string()) }),
  /** The sender has room for so many bytes more. */
  'tcp/credit': z.looseObject({ streamId: z.string(), bytes: unsigned }),
} as const;
export type StreamNotificationName = keyof typeof streamNotifications;

export function isStreamNotification(name: string): name is StreamNotificationName {
  return Object.hasOwn(streamNotifications, name);
}
