import { z } from 'zod';

// What a registry is asked, and answers, over HTTP. The two ways to register are those of real executors (0.129.0's, and
// the newest direct one); the rest, and every field marked as ours, is only sent by and to peers that know it.

/** The transport of the newest contract: plain JSON-RPC over one WebSocket. The other one, noise, is not spoken here. */
export const DIRECT_TRANSPORT = 'direct_jsonrpc_v1';

const transport = z.literal(DIRECT_TRANSPORT);

/** Ids go into paths and subjects, so they hold what is plain in both. */
export const environmentId = z
  .string()
  .regex(
    /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/,
    'expected 1 to 128 ASCII letters, digits, `-`, `_` or `.`, no `.` first',
  );

/** Plain words about an executor, for whoever looks at a list. */
export const labels = z.record(z.string().min(1).max(128), z.string().max(256));

/** `POST {base}/cloud/executor/{executor_id}/register` */
export const executorRegistration = z.looseObject({
  /** The same for every registration of one run of one executor. */
  idempotency_id: z.string().min(1).max(256),
  /** The one in the path. */
  executor_id: environmentId,
  name: z.string().max(256).nullish(),
  labels: labels.nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
export type ExecutorRegistration = z.infer<typeof executorRegistration>;

export const executorRegistered = z.looseObject({
  /** Of this registration. */
  id: z.string(),
  executor_id: z.string(),
  /** A WebSocket to dial, good for one harness at a time; signed, so never logged. */
  url: z.string(),
  /** Ours: a WebSocket over which the executor is told to dial one WebSocket per harness (control-methods.ts); signed. */
  control_url: z.string().optional(),
});
export type ExecutorRegistered = z.infer<typeof executorRegistered>;

/** `POST {base}/cloud/environment/{environment_id}/direct/register` */
export const directRegistration = z.looseObject({ transport });
export type DirectRegistration = z.infer<typeof directRegistration>;

export const directRegistered = z.looseObject({
  environment_id: z.string(),
  transport,
  registration_id: z.string(),
  url: z.string(),
  /** Ours, as above. */
  control_url: z.string().optional(),
});
export type DirectRegistered = z.infer<typeof directRegistered>;

/** `POST {base}/cloud/environment/{environment_id}/connect`: a harness asks for a way to an executor. */
export const connectRequest = z.looseObject({
  transport,
  /**
   * Ours: the same for every connection of one client. A client that comes back takes over from its own earlier connection,
   * which the rendezvous may not have noticed the end of.
   */
  harness_id: z.string().min(1).max(128).optional(),
});
export type ConnectRequest = z.infer<typeof connectRequest>;

export const connectAnswer = z.looseObject({
  environment_id: z.string(),
  transport,
  registration_id: z.string(),
  /** A WebSocket to dial, once and soon; signed. */
  url: z.string(),
});
export type ConnectAnswer = z.infer<typeof connectAnswer>;

/** One of `GET {base}/cloud/environments`; also the answer of `GET {base}/cloud/environment/{environment_id}`. */
export const listedEnvironment = z.looseObject({
  environment_id: z.string(),
  name: z.string().nullish(),
  labels: labels,
  status: z.enum(['online', 'offline']),
  /** RFC 3339. While it is online: now. */
  last_seen_at: z.string(),
  /** RFC 3339; while it is online. */
  connected_at: z.string().nullish(),
  executor_version: z.string().nullish(),
  /** Harnesses that are connected to it now. */
  harnesses: z.number().int().nonnegative(),
  /** How many it takes at a time; null: as many as come. */
  max_harnesses: z.number().int().positive().nullable(),
});
export type ListedEnvironment = z.infer<typeof listedEnvironment>;

export const environmentList = z.looseObject({ environments: z.array(listedEnvironment) });

/** The body of every answer that is not 2xx. */
export const errorBody = z.looseObject({
  error: z.looseObject({ code: z.string().nullish(), message: z.string().nullish() }),
});

/** What a rendezvous of ours has against a request, with the HTTP status that goes with it. */
export const registryErrorStatus = {
  /** The body, the id or the path is not what the contract says. */
  invalid_request: 400,
  /** No token, or one that is not ours, has expired or was meant for something else. */
  unauthorized: 401,
  /** The token is good, but not for this environment. */
  forbidden: 403,
  /** A signed URL was used a second time. */
  url_replayed: 403,
  /** A harness's signed URL is too old, or belongs to a registration that is no more. */
  url_expired: 401,
  /** The same of an executor's. 0.169.0 registers anew after 409, and ends after any other 4xx. */
  registration_expired: 409,
  /** Nobody has registered it: final. */
  unknown_environment: 404,
  /** Another executor serves under this id. */
  already_registered: 409,
  /** It takes one harness at a time, and has one. */
  environment_in_use: 409,
  /** The rendezvous itself is at fault. */
  internal: 500,
  /** More requests than one subject may make: wait as long as `Retry-After` says. */
  too_many_requests: 429,
  /** It is known, but not connected at the moment: try again. */
  environment_offline: 503,
  /** This node cannot reach what it shares with the others: try again. */
  cluster_unreachable: 503,
  /** This node takes no new connections: try again, and another node will answer. */
  draining: 503,
} as const;
export type RegistryErrorCode = keyof typeof registryErrorStatus;
