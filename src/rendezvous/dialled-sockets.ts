import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { CloseCode } from '../rpc/channel.js';
import { WebSocketChannel } from '../transport/websocket-channel.js';
import type { Cluster, EnvironmentRecord, ExecutorConnection, PairRequest } from './cluster.js';
import { ControlLink } from './control-link.js';
import { RendezvousError } from './errors.js';
import type { ExecutorLinks } from './executor-links.js';
import { FrameSocket } from './frame-socket.js';
import { MAX_CONTROL_MESSAGE_BYTES, PAIR_TIMEOUT_MS, RETRY_AFTER_MS } from './limits.js';
import type { RendezvousLog } from './log.js';
import type { Pairs } from './pairs.js';
import { changeRecord } from './record-book.js';
import type { Registrar } from './registrar.js';
import { SingleLink } from './single-link.js';
import type { TicketClaims, TicketKind, Tickets } from './tickets.js';
import { acceptHandshake, checkHandshake } from './websocket-handshake.js';

/** The request of a handshake, its socket, and what came right behind it. */
export interface Upgrade {
  request: IncomingMessage;
  socket: Socket;
  head: Buffer;
}

export interface DialledSocketsOptions {
  cluster: Cluster;
  tickets: Tickets;
  registrar: Registrar;
  links: ExecutorLinks;
  pairs: Pairs;
  /** Notes who asks, for the log. */
  onIdentified(request: IncomingMessage, fields: object): void;
  log: RendezvousLog | undefined;
}

/** What happens to a WebSocket that is dialled with a signed URL, by whom it is for. */
export class DialledSockets {
  readonly #options: DialledSocketsOptions;
  /** All that are open, to tell them when this node goes. */
  readonly #sockets = new Set<FrameSocket>();
  readonly #control = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_CONTROL_MESSAGE_BYTES,
  });

  constructor(options: DialledSocketsOptions) {
    this.#options = options;
  }

  /** Resolves when none is open any more, or the time is up. */
  async whenEmpty(timeoutMs: number): Promise<void> {
    const due = performance.now() + timeoutMs;
    for (const socket of this.#sockets) {
      const leftMs = due - performance.now();
      if (leftMs <= 0) return;
      const signal = AbortSignal.timeout(Math.ceil(leftMs));
      await once(socket, 'close', { signal }).catch(() => undefined); // the time is up
    }
  }

  /** Answers the handshake with 101, or throws RendezvousError. */
  async accept(kind: TicketKind, ticket: string | null, upgrade: Upgrade): Promise<void> {
    checkHandshake(upgrade.request);
    switch (kind) {
      case 'executor':
        return this.#acceptExecutor(await this.#take(kind, ticket, upgrade), upgrade);
      case 'control':
        return this.#acceptControl(await this.#take(kind, ticket, upgrade), upgrade);
      case 'serve':
        return this.#acceptServe(await this.#take(kind, ticket, upgrade), upgrade);
      case 'harness':
        return this.#acceptHarness(await this.#take(kind, ticket, upgrade), upgrade);
      default:
        kind satisfies never;
    }
  }

  async #take<K extends TicketKind>(kind: K, ticket: string | null, { request }: Upgrade): Promise<TicketClaims<K>> {
    const claims = await this.#options.tickets.take(kind, ticket);
    this.#options.onIdentified(request, { subject: claims.sub, environmentId: claims.environmentId });
    return claims;
  }

  /** Tells all that are open that this node goes, each at the end of a frame. */
  closeAll(reason: string): void {
    for (const socket of this.#sockets) socket.closeWith(CloseCode.goingAway, reason);
  }

  async #acceptExecutor(claims: TicketClaims<'executor'>, upgrade: Upgrade): Promise<void> {
    const { links } = this.#options;
    const { environmentId, registrationId } = claims;
    const connection = this.#newConnection('single');
    const record = await this.#attach(claims, connection, {});
    const socket = this.#open(upgrade);
    const link = new SingleLink({
      environmentId,
      registrationId,
      connection,
      socket,
      onChange: () => links.changed(link),
      nextLink: () => links.next(environmentId),
    });
    links.add(link, record);
  }

  async #acceptControl(claims: TicketClaims<'control'>, { request, socket, head }: Upgrade): Promise<void> {
    const { links, tickets } = this.#options;
    const { environmentId, registrationId } = claims;
    await this.#checkRegistration(claims, 'registration_expired');
    const webSocket = await new Promise<import('ws').WebSocket>((resolve) =>
      this.#control.handleUpgrade(request, socket, head, resolve),
    );
    const description = `control connection of \`${environmentId}\``;
    const link: ControlLink = new ControlLink({
      environmentId,
      registrationId,
      connection: this.#newConnection('control'),
      channel: new WebSocketChannel(webSocket, { description, transport: socket, accepted: true }),
      onHello: async ({ connection }, { executorVersion, name, labels }) => {
        const known = { executorVersion, ...(name != null && { name }), ...(labels != null && { labels }) };
        links.add(link, await this.#attach(claims, connection, known));
      },
      onChange: () => links.changed(link),
      dialUrl: ({ pairId, nodeId }) => tickets.issue('serve', { ...claims, pairId, harnessNodeId: nodeId }),
    });
  }

  async #acceptServe(claims: TicketClaims<'serve'>, upgrade: Upgrade): Promise<void> {
    await this.#checkRegistration(claims, 'url_expired');
    const socket = this.#open(upgrade);
    try {
      await this.#options.cluster.deliver(claims.pairId, claims.harnessNodeId, socket);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log?.debug({ environmentId: claims.environmentId, pairId: claims.pairId, reason }, 'nobody waits');
      socket.closeWith(CloseCode.goingAway, 'the harness that this connection is for waits no more');
    }
  }

  async #acceptHarness(claims: TicketClaims<'harness'>, upgrade: Upgrade): Promise<void> {
    const { cluster, pairs } = this.#options;
    const { environmentId, registrationId, sub, harnessId } = claims;
    const { connection } = await this.#checkRegistration(claims, 'url_expired');
    if (!connection || !cluster.isAlive(connection.nodeId))
      throw offline(environmentId, 'is not connected at the moment');
    const request: PairRequest = {
      pairId: randomUUID(),
      environmentId,
      registrationId,
      connectionId: connection.connectionId,
      harnessOwner: sub,
      harnessId,
      nodeId: cluster.nodeId,
    };
    const executor = await this.#requestPair(connection.nodeId, request, upgrade.socket);
    const harness = this.#open(upgrade);
    void pairs.join(request, harness, executor);
  }

  /** The executor's end; given up when it takes too long, or the harness has gone meanwhile. */
  async #requestPair(holderNodeId: string, request: PairRequest, harness: Socket): Promise<Duplex> {
    const gone = new AbortController();
    const onGone = () => gone.abort();
    harness.once('end', onGone).once('close', onGone);
    const due = AbortSignal.timeout(PAIR_TIMEOUT_MS);
    try {
      const signal = AbortSignal.any([gone.signal, due]);
      return await this.#options.cluster.requestPair(holderNodeId, request, signal);
    } catch (error) {
      if (gone.signal.aborted)
        throw offline(request.environmentId, 'was asked, and the harness left before it answered');
      if (due.aborted) throw offline(request.environmentId, `did not answer within ${PAIR_TIMEOUT_MS / 1000} s`);
      throw error;
    } finally {
      harness.off('end', onGone).off('close', onGone);
    }
  }

  /** Answers with 101. From here on there are only frames. */
  #open({ request, socket, head }: Upgrade): FrameSocket {
    acceptHandshake(request, socket);
    const frames = new FrameSocket(socket, head);
    this.#sockets.add(frames);
    frames.once('close', () => this.#sockets.delete(frames));
    return frames;
  }

  #newConnection(kind: ExecutorConnection['kind']): ExecutorConnection {
    const { nodeId } = this.#options.cluster;
    return { nodeId, connectionId: randomUUID(), sinceMs: Date.now(), kind, harnesses: 0 };
  }

  /** Puts the connection into the record, once no other one is in the way. */
  #attach(
    claims: TicketClaims<'executor'>,
    connection: ExecutorConnection,
    known: Partial<Pick<EnvironmentRecord, 'name' | 'labels' | 'executorVersion'>>,
  ): Promise<EnvironmentRecord> {
    const { cluster, registrar } = this.#options;
    return changeRecord(cluster, claims.environmentId, async (current) => {
      const record = requireRegistration(current, claims, 'registration_expired');
      await registrar.replaceConnection(record);
      return { ...record, ...known, connection: { ...connection }, lastSeenAtMs: Date.now() };
    });
  }

  async #checkRegistration(claims: TicketClaims<'executor'>, code: ExpiredCode): Promise<EnvironmentRecord> {
    return requireRegistration((await this.#options.cluster.get(claims.environmentId))?.value, claims, code);
  }
}

type ExpiredCode = 'url_expired' | 'registration_expired';

function requireRegistration(
  record: EnvironmentRecord | undefined,
  { environmentId, registrationId }: TicketClaims<'executor'>,
  code: ExpiredCode,
): EnvironmentRecord {
  if (record?.registrationId === registrationId) return record;
  throw new RendezvousError(
    code,
    `the signed URL belongs to a registration of \`${environmentId}\` that is no more: ask for a new one`,
  );
}

function offline(environmentId: string, what: string): RendezvousError {
  return new RendezvousError('environment_offline', `environment \`${environmentId}\` ${what}`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
