import {
  DIRECT_TRANSPORT,
  type DirectRegistration,
  directRegistered,
  type ExecutorRegistration,
  executorRegistered,
} from './contract.js';
import { RegistryError } from './errors.js';
import { askRegistry, isSafeWebSocketUrl, type RegistryAccess } from './request.js';

/** How to register: as 0.129.0 does, or as the newest peers do. */
export type RegistrationContract = 'executor' | 'direct';

export interface RegistrationRequest {
  environmentId: string;
  name?: string | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
  /** See executor-idempotency.ts. */
  idempotencyId: string;
  /** Default `auto`: as 0.129.0, and as the newest where the registry does not know that path. */
  contract?: RegistrationContract | 'auto' | undefined;
  signal?: AbortSignal | undefined;
}

export interface Registration {
  contract: RegistrationContract;
  registrationId: string;
  /** To dial, for one harness at a time. Signed: never logged. */
  url: string;
  /** From a rendezvous of ours: to dial instead, and be told of every harness. Signed as well. */
  controlUrl: string | undefined;
}

/** Registers an executor. Throws RegistryError, whatever `access.headers()` throws, or the signal's reason. */
export async function registerExecutor(access: RegistryAccess, request: RegistrationRequest): Promise<Registration> {
  switch (request.contract ?? 'auto') {
    case 'executor':
      return registerAsExecutor(access, request);
    case 'direct':
      return registerDirect(access, request);
    case 'auto':
      try {
        return await registerAsExecutor(access, request);
      } catch (error) {
        if (!isNotThere(error)) throw error;
        return await registerDirect(access, request).catch((second) => {
          throw isNotThere(second) ? error : second; // the id is what it does not know, and the first answer says so
        });
      }
  }
}

async function registerAsExecutor(access: RegistryAccess, request: RegistrationRequest): Promise<Registration> {
  const { environmentId, name, labels = {}, idempotencyId, signal } = request;
  const body: ExecutorRegistration = {
    idempotency_id: idempotencyId,
    executor_id: environmentId,
    ...(name !== undefined && { name }),
    labels,
    metadata: {},
  };
  const path = `/cloud/executor/${encodeURIComponent(environmentId)}/register`;
  const answer = await askRegistry(access, { method: 'POST', path, body, answer: executorRegistered, signal });
  requireEcho('executor_id', environmentId, answer.executor_id);
  return registration('executor', answer.id, answer);
}

async function registerDirect(access: RegistryAccess, request: RegistrationRequest): Promise<Registration> {
  const { environmentId, signal } = request;
  const body: DirectRegistration = { transport: DIRECT_TRANSPORT };
  const path = `/cloud/environment/${encodeURIComponent(environmentId)}/direct/register`;
  const answer = await askRegistry(access, { method: 'POST', path, body, answer: directRegistered, signal });
  requireEcho('environment_id', environmentId, answer.environment_id);
  return registration('direct', answer.registration_id, answer);
}

function registration(
  contract: RegistrationContract,
  registrationId: string,
  { url, control_url: controlUrl }: { url: string; control_url?: string | undefined },
): Registration {
  requireSafe('url', url);
  if (controlUrl !== undefined) requireSafe('control_url', controlUrl);
  return { contract, registrationId, url, controlUrl };
}

function requireEcho(field: string, sent: string, came: string): void {
  if (came !== sent)
    throw invalidAnswer(`\`${field}\`: expected \`${sent}\`, which had been sent, got \`${came.slice(0, 128)}\``);
}

function requireSafe(field: string, url: string): void {
  if (!isSafeWebSocketUrl(url)) throw invalidAnswer(`\`${field}\`: expected a wss URL, or a ws URL of loopback`);
}

function invalidAnswer(problem: string): RegistryError {
  return new RegistryError(`the registry's answer does not fit its contract: ${problem}`, {
    code: 'invalid_answer',
    retryable: false,
  });
}

function isNotThere(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === 404 || error.status === 405);
}
