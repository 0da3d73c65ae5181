import type { Msg } from 'nats';
import { z } from 'zod';
import { registryErrorStatus } from '../../registry/contract.js';
import type { LinkQuestion, PairRequest } from '../cluster.js';
import { RendezvousError } from '../errors.js';
import { isNodeId } from './subjects.js';

// What nodes ask each other about pairs. JSON.

const nodeId = z.string().refine(isNodeId, 'expected the id of a node');

export const pairRequest = z.object({
  pairId: z.string(),
  environmentId: z.string(),
  registrationId: z.string(),
  connectionId: z.string(),
  harnessOwner: z.string(),
  harnessId: z.string().optional(),
  nodeId,
}) satisfies z.ZodType<PairRequest>;

/** A stream of this id may be opened when the answer says so. */
export const pairQuestion = z.object({ request: pairRequest, streamId: z.string() });
export const deliverQuestion = z.object({ pairId: z.string(), streamId: z.string(), nodeId });
export const linkQuestion = z.object({
  environmentId: z.string(),
  connectionId: z.string(),
  ask: z.enum(['probe', 'drop']),
}) satisfies z.ZodType<LinkQuestion>;
export const sweepQuestion = z.object({ pairIds: z.array(z.string()) });

const errorCode = z.enum(Object.keys(registryErrorStatus) as [keyof typeof registryErrorStatus]);
const refusal = z.object({
  code: errorCode.catch('environment_offline'),
  message: z.string(),
  retryAfterMs: z.number().optional(),
});

/** `stream`: the executor's end is there, over the stream. `dials`: the executor will dial some node. */
export const pairAnswer = z.union([z.object({ end: z.enum(['stream', 'dials']) }), z.object({ refusal })]);
export const deliverAnswer = z.union([z.object({ end: z.literal('stream') }), z.object({ refusal })]);
export const linkAnswer = z.union([z.object({ isAlive: z.boolean() }), z.object({ refusal })]);
/** Those of the question that are no more. */
export const sweepAnswer = z.object({ ended: z.array(z.string()) });

/** Throws when it is not JSON of that shape. */
export function read<T>(schema: z.ZodType<T>, message: Msg): T {
  return schema.parse(message.json());
}

export interface Refusal {
  refusal: z.infer<typeof refusal>;
}

export function refusalOf(error: unknown): Refusal {
  const { code, message, retryAfterMs } =
    error instanceof RendezvousError
      ? error
      : new RendezvousError('environment_offline', 'the node of the executor failed', { retryAfterMs: 1000 });
  return { refusal: { code, message, retryAfterMs } };
}

/** What the other node said, or what it has against it as a RendezvousError. */
export function accepted<T extends object>(answer: T): Exclude<T, Refusal> {
  if (!isRefusal(answer)) return answer as Exclude<T, Refusal>;
  const { code, message, retryAfterMs } = answer.refusal;
  throw new RendezvousError(code, message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function isRefusal(answer: object): answer is Refusal {
  return 'refusal' in answer;
}
