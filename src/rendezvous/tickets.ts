import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Cluster } from './cluster.js';
import { RendezvousError } from './errors.js';
import { EXECUTOR_TICKET_MS, HARNESS_TICKET_MS } from './limits.js';
import { signClaims, verifyClaims } from './signed-claims.js';
import type { SigningKeys } from './signing-keys.js';

/** Whose WebSocket a signed URL is for, which is also the last part of its path. */
export type TicketKind = 'executor' | 'control' | 'serve' | 'harness';

const registration = {
  sub: z.string(),
  environmentId: z.string(),
  registrationId: z.string(),
};

/** What a signed URL says, apart from when and whether it may still be used. */
export const ticketClaims = {
  executor: z.object(registration),
  control: z.object(registration),
  /** A harness's, once; `sub` is the subject of its token. */
  harness: z.object({ ...registration, harnessId: z.string().optional() }),
  /** An executor's, once, for the one harness that waits at that node. */
  serve: z.object({ ...registration, pairId: z.string(), harnessNodeId: z.string() }),
};
export type TicketClaims<K extends TicketKind> = z.infer<(typeof ticketClaims)[K]>;

const isSingleUse: Record<TicketKind, boolean> = { executor: false, control: false, harness: true, serve: true };

/** Makes and takes signed URLs. */
export class Tickets {
  readonly #keys: SigningKeys;
  readonly #cluster: Cluster;
  readonly #baseUrl: () => string;

  /** `baseUrl`: `ws(s)://…` of whatever node answers; without a slash at its end. */
  constructor(keys: SigningKeys, cluster: Cluster, baseUrl: () => string) {
    this.#keys = keys;
    this.#cluster = cluster;
    this.#baseUrl = baseUrl;
  }

  /** A URL to dial. Never to be logged. */
  async issue<K extends TicketKind>(kind: K, claims: TicketClaims<K>): Promise<string> {
    const ticket = await signClaims(this.#keys, {
      audience: `rendezvous/${kind}`,
      claims: { ...claims, jti: randomUUID() },
      expiresAtMs: Date.now() + (isSingleUse[kind] ? HARNESS_TICKET_MS : EXECUTOR_TICKET_MS),
    });
    return `${this.#baseUrl()}/rendezvous/${kind}?ticket=${ticket}`;
  }

  /** Takes the ticket of a handshake; one for a single use is used up. Throws RendezvousError. */
  async take<K extends TicketKind>(kind: K, ticket: string | null): Promise<TicketClaims<K>> {
    if (ticket === null) throw new RendezvousError('unauthorized', 'the signed URL has no ticket');
    const { jti = '', exp = 0, ...claims } = await this.#verify(kind, ticket);
    if (isSingleUse[kind] && !(await this.#cluster.claimOnce(jti, exp * 1000))) {
      throw new RendezvousError('url_replayed', 'the signed URL has been used before: ask for a new one');
    }
    return ticketClaims[kind].parse(claims) as TicketClaims<K>;
  }

  async #verify(kind: TicketKind, ticket: string) {
    try {
      return await verifyClaims(this.#keys, `rendezvous/${kind}`, ticket);
    } catch (error) {
      if (!(error instanceof RendezvousError)) throw error;
      const expired = !isSingleUse[kind] && error.code === 'url_expired';
      throw new RendezvousError(
        expired ? 'registration_expired' : error.code,
        `the signed URL is not good: ${error.message}`,
        { cause: error },
      );
    }
  }
}
