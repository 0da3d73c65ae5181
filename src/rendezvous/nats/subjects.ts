// All that the nodes say to each other, and the names of what they store. A node subscribes to its own subjects only, with
// one subscription each, however many streams and pairs it has.

const PREFIX = 'exec-server.rendezvous';

/** What `isNodeId` takes goes into subjects as it is. */
export const subjects = {
  /** Every node says here that it is there, or leaves. */
  nodes: `${PREFIX}.nodes`,
  /** Request: a harness waits here for an executor that is yours. */
  pair: (nodeId: string) => `${PREFIX}.node.${nodeId}.pair`,
  /** Request: an executor has dialled here for a harness that waits at yours. */
  deliver: (nodeId: string) => `${PREFIX}.node.${nodeId}.deliver`,
  /** Request: is the connection of that executor alive, or: let it go. */
  link: (nodeId: string) => `${PREFIX}.node.${nodeId}.link`,
  /** Message: a pair with your executor has ended. */
  unpaired: (nodeId: string) => `${PREFIX}.node.${nodeId}.unpaired`,
  /** Request: which of these pairs have ended? */
  sweep: (nodeId: string) => `${PREFIX}.node.${nodeId}.sweep`,
  /** Messages of one stream; `*` for all of a node. */
  stream: (nodeId: string, streamId: string) => `${PREFIX}.stream.${nodeId}.${streamId}`,
} as const;

export const buckets = { records: 'exec-server-environments', claims: 'exec-server-claims' } as const;

export function isNodeId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** An id may hold what means something in a subject, such as `.`. */
export function storeKey(id: string): string {
  return Buffer.from(id).toString('base64url');
}
