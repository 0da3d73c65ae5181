import {
  EnvironmentClosedError,
  EnvironmentConnectError,
  NoDefaultEnvironmentError,
  UnknownEnvironmentError,
} from '../environment/errors.js';
import { internalError, invalidRequest, toWireError, type WireError } from '../protocol/errors.js';

/** What an environment has to say, with a kind that a client can switch on; other errors as they go on the wire anyway. */
export function environmentError(error: unknown): WireError {
  if (error instanceof UnknownEnvironmentError) {
    const { environmentId, knownIds } = error;
    return invalidRequest('unknown_environment', error.message, { environmentId, knownIds });
  }
  if (error instanceof NoDefaultEnvironmentError) {
    return invalidRequest('no_default_environment', error.message, { knownIds: error.knownIds });
  }
  if (error instanceof EnvironmentClosedError) return invalidRequest('environment_closed', error.message);
  if (error instanceof EnvironmentConnectError) {
    const { environmentId, retryable, mayHaveExecuted } = error;
    return internalError('environment_unreachable', error.message, { environmentId, retryable, mayHaveExecuted });
  }
  return toWireError(error);
}
