import type { IncomingMessage } from 'node:http';
import {
  type ConnectAnswer,
  connectRequest,
  DIRECT_TRANSPORT,
  type DirectRegistered,
  directRegistration,
  type ExecutorRegistered,
  environmentId as environmentIdShape,
  executorRegistration,
  type ListedEnvironment,
} from '../registry/contract.js';
import { type Authentication, authenticate } from './authenticate.js';
import type { Cluster, EnvironmentRecord } from './cluster.js';
import { RendezvousError } from './errors.js';
import { type Identity, inScope, requireRole, requireScope } from './identity.js';
import { RETRY_AFTER_MS } from './limits.js';
import { listed } from './listing.js';
import type { RendezvousLog } from './log.js';
import { RateLimit } from './rate-limit.js';
import type { Registrar, Registration } from './registrar.js';
import { bodyReader, parseBody } from './request-body.js';
import { inUse } from './single-link.js';
import type { Tickets } from './tickets.js';

export interface RegistryApiOptions {
  authentication: Authentication;
  cluster: Cluster;
  registrar: Registrar;
  tickets: Tickets;
  /** How long nobody is called unknown after the start, unless it `isNew`, and after all that was known has been lost. */
  returnGraceMs: number;
  isNew: boolean;
  /** Notes who asks, for the log. */
  onIdentified(request: IncomingMessage, fields: object): void;
  log: RendezvousLog | undefined;
}

/** What is asked over HTTP, once its path is known. Every method throws RendezvousError. */
export class RegistryApi {
  readonly #options: RegistryApiOptions;
  readonly #rateLimit = new RateLimit();
  #unknownSince: number;

  constructor(options: RegistryApiOptions) {
    this.#options = options;
    this.#unknownSince = options.isNew ? Number.NEGATIVE_INFINITY : performance.now();
  }

  /** All that was known is lost: for a while nobody is called unknown, as after the start. */
  waitForReturns(): void {
    this.#unknownSince = performance.now();
  }

  /** As 0.129.0 registers. */
  async registerExecutor(request: IncomingMessage, id: string): Promise<ExecutorRegistered> {
    const { identity, body } = await this.#ask(request, 'executor', id);
    const { executor_id, idempotency_id, name, labels } = parseBody(body, executorRegistration);
    if (executor_id !== id) {
      throw new RendezvousError('invalid_request', `executor_id: expected \`${id}\`, as in the path, got another one`);
    }
    const { registrationId, url, control_url } = await this.#register(identity, {
      environmentId: id,
      owner: identity.subject,
      idempotencyId: idempotency_id,
      name: name ?? undefined,
      labels: labels ?? undefined,
    });
    return { id: registrationId, executor_id: id, url, control_url };
  }

  /** As the newest ones register. */
  async registerDirect(request: IncomingMessage, id: string): Promise<DirectRegistered> {
    const { identity, body } = await this.#ask(request, 'executor', id);
    parseBody(body, directRegistration);
    const { registrationId, url, control_url } = await this.#register(identity, {
      environmentId: id,
      owner: identity.subject,
    });
    return { environment_id: id, transport: DIRECT_TRANSPORT, registration_id: registrationId, url, control_url };
  }

  async connect(request: IncomingMessage, id: string): Promise<ConnectAnswer> {
    const { identity, body } = await this.#ask(request, 'harness', id);
    const { harness_id: harnessId } = parseBody(body, connectRequest);
    const record = await this.#find(id);
    this.#checkConnected(record, identity.subject, harnessId);
    const { registrationId } = record;
    const claims = { sub: identity.subject, environmentId: id, registrationId, harnessId };
    const url = await this.#options.tickets.issue('harness', claims);
    return { environment_id: id, transport: DIRECT_TRANSPORT, registration_id: registrationId, url };
  }

  async describe(request: IncomingMessage, id: string): Promise<ListedEnvironment> {
    await this.#ask(request, 'harness', id);
    return this.#listed(await this.#find(id));
  }

  async list(request: IncomingMessage): Promise<{ environments: ListedEnvironment[] }> {
    const identity = await this.#authenticate(request, bodyReader(request));
    requireRole(identity, 'harness');
    const records = await this.#options.cluster.list();
    const environments = records
      .filter(({ environmentId }) => inScope(identity, environmentId))
      .map((record) => this.#listed(record))
      .sort((a, b) => (a.environment_id < b.environment_id ? -1 : 1));
    return { environments };
  }

  async #ask(request: IncomingMessage, role: 'executor' | 'harness', id: string) {
    const readBody = bodyReader(request);
    const identity = await this.#authenticate(request, readBody);
    const checked = environmentIdShape.safeParse(id);
    if (!checked.success) {
      throw new RendezvousError('invalid_request', `the environment id: ${checked.error.issues[0]?.message}`);
    }
    requireScope(identity, role, id);
    return { identity, body: await readBody() };
  }

  async #authenticate(request: IncomingMessage, readBody: () => Promise<Buffer>): Promise<Identity> {
    const identity = await authenticate(request, this.#options.authentication, readBody);
    this.#options.onIdentified(request, { subject: identity.subject });
    this.#rateLimit.take(identity.subject);
    return identity;
  }

  async #register({ subject }: Identity, registration: Registration) {
    const { registrar, tickets, log } = this.#options;
    const { registrationId } = await registrar.register(registration);
    const { environmentId, name } = registration;
    log?.info({ environmentId, registrationId, subject, name }, 'executor registered');
    const claims = { sub: subject, environmentId, registrationId };
    const [url, control_url] = await Promise.all([tickets.issue('executor', claims), tickets.issue('control', claims)]);
    return { registrationId, url, control_url };
  }

  async #find(id: string): Promise<EnvironmentRecord> {
    const found = await this.#options.cluster.get(id);
    if (found) return found.value;
    if (performance.now() - this.#unknownSince < this.#options.returnGraceMs) {
      throw new RendezvousError(
        'environment_offline',
        `environment \`${id}\` is not connected; this node knows nothing yet, and its executor may be on its way back`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    throw new RendezvousError(
      'unknown_environment',
      `no executor has registered as environment \`${id}\`, or none has been seen for 24 h`,
    );
  }

  /** Says early what the handshake would say. */
  #checkConnected(record: EnvironmentRecord, harnessOwner: string, harnessId: string | undefined): void {
    const { environmentId, connection, lastSeenAtMs } = record;
    if (!connection || !this.#options.cluster.isAlive(connection.nodeId)) {
      throw new RendezvousError(
        'environment_offline',
        `environment \`${environmentId}\` is not connected: its executor was last seen at ${new Date(lastSeenAtMs).toISOString()}`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    const { heldBy } = connection;
    if (!heldBy) return;
    const itself = harnessId !== undefined && heldBy.harnessId === harnessId && heldBy.harnessOwner === harnessOwner;
    if (!itself) throw inUse(environmentId, heldBy.sinceMs);
  }

  #listed(record: EnvironmentRecord): ListedEnvironment {
    return listed(record, (nodeId) => this.#options.cluster.isAlive(nodeId));
  }
}
