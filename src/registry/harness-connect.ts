import { type ConnectAnswer, type ConnectRequest, connectAnswer, DIRECT_TRANSPORT } from './contract.js';
import { RegistryError } from './errors.js';
import { askRegistry, isSafeWebSocketUrl, type RegistryAccess } from './request.js';

/**
 * Asks for a way to an executor: a signed WebSocket URL that is dialled once, and soon. The same `harnessId` takes over from
 * its own earlier connection. Throws RegistryError, or the signal's reason.
 */
export async function connectHarness(
  access: RegistryAccess,
  environmentId: string,
  { harnessId, signal }: { harnessId?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ConnectAnswer> {
  const body: ConnectRequest = { transport: DIRECT_TRANSPORT };
  if (harnessId !== undefined) body.harness_id = harnessId;
  const path = `/cloud/environment/${encodeURIComponent(environmentId)}/connect`;
  const answer = await askRegistry(access, { method: 'POST', path, body, answer: connectAnswer, signal });
  if (answer.environment_id !== environmentId) {
    throw unfit(`asked for environment \`${environmentId}\`, it answers for another one`);
  }
  if (!isSafeWebSocketUrl(answer.url)) {
    throw unfit('it names a WebSocket that is not dialled: expected wss://, or ws:// to loopback');
  }
  return answer;
}

function unfit(problem: string): RegistryError {
  return new RegistryError(`the registry's answer does not fit its contract: ${problem}`, {
    code: 'invalid_answer',
    retryable: false,
  });
}
