import { RegistryError } from '../registry/errors.js';
import type { Registration } from '../registry/executor-registration.js';
import type { ConnectionEnd } from './connection.js';
import { CredentialError } from './credentials.js';
import { RegistrationFailedError } from './errors.js';
import {
  BACKOFF_BASE_MS,
  BACKOFF_CAP_IN_USE_MS,
  BACKOFF_CAP_MS,
  DIALS_PER_REGISTRATION,
  RETRY_AFTER_CAP_MS,
  STEADY_MS,
  UNAUTHORIZED_RETRIES,
} from './limits.js';

/** Where an executor stands with its registry. `C` is a connection. */
export type CloudState<C> =
  /** Asks the registry, after `waitMs`. */
  | ({ at: 'registering'; waitMs: number } & Tally)
  /** Dials what the registration gave it, after `waitMs`. `misses`: dials of this registration in a row that failed. */
  | ({ at: 'dialling'; registration: Registration; misses: number; waitMs: number } & Tally)
  | ({ at: 'connected'; registration: Registration; connection: C } & Tally)
  /** Coming back is no use. Final. */
  | { at: 'failed'; error: RegistrationFailedError }
  /** Its user has closed it. Final. */
  | { at: 'closed' };

interface Tally {
  /** In a row, of whatever kind, since a connection was good. */
  failures: number;
  /** Of the credentials, in a row. */
  refusals: number;
}

export type CloudEvent<C> =
  | { type: 'registered'; registration: Registration }
  | { type: 'registrationFailed'; error: Error }
  | { type: 'opened'; connection: C }
  /** `status`: HTTP status of a refused handshake. */
  | { type: 'dialFailed'; status: number | undefined; reason: string }
  | ConnectionEnd
  | { type: 'closed' };

/** How long the pauses are. */
export interface Pacing {
  /** 0 to 1. */
  random(): number;
  /** There are sessions, whose clients wait. */
  inUse: boolean;
}

export const initialState = { at: 'registering', waitMs: 0, failures: 0, refusals: 0 } as const;

/** The next state. Events that cannot come in a state are a mistake of the caller, and change nothing. */
export function transition<C>(state: CloudState<C>, event: CloudEvent<C>, pacing: Pacing): CloudState<C> {
  if (state.at === 'failed' || state.at === 'closed') return state;
  const { failures, refusals } = state;
  switch (event.type) {
    case 'closed':
      return { at: 'closed' };
    case 'registered':
      return { at: 'dialling', registration: event.registration, misses: 0, waitMs: 0, failures, refusals: 0 };
    case 'registrationFailed':
      return afterRefusal({ failures, refusals }, event.error, pacing);
    case 'opened':
      if (state.at !== 'dialling') return state;
      return { at: 'connected', registration: state.registration, connection: event.connection, failures, refusals };
    case 'dialFailed': {
      if (state.at !== 'dialling') return state;
      const misses = state.misses + 1;
      const next = { failures: failures + 1, refusals, waitMs: backoffMs(failures + 1, pacing) };
      const voidUrl = isRejection(event.status) || misses >= DIALS_PER_REGISTRATION;
      return voidUrl ? { at: 'registering', ...next } : { ...state, ...next, misses };
    }
    case 'ended': {
      if (state.at !== 'connected') return state;
      // The first pause is kept even after a good connection: all executors of a rendezvous that dies lose theirs at once.
      const counted = event.used || event.lastedMs >= STEADY_MS ? 1 : failures + 1;
      const waitMs = backoffMs(counted, pacing);
      return { at: 'dialling', registration: state.registration, misses: 0, waitMs, failures: counted, refusals };
    }
    case 'moved':
      return { at: 'registering', waitMs: backoffMs(1, pacing), failures, refusals };
    default:
      return event satisfies never;
  }
}

function afterRefusal<C>({ failures, refusals }: Tally, error: Error, pacing: Pacing): CloudState<C> {
  const unauthorized = error instanceof CredentialError || (error instanceof RegistryError && error.isUnauthorized);
  if (unauthorized) {
    const counted = refusals + 1;
    if (counted > UNAUTHORIZED_RETRIES) return { at: 'failed', error: new RegistrationFailedError(error, counted) };
    return { at: 'registering', waitMs: backoffMs(counted, pacing), failures, refusals: counted };
  }
  if (!(error instanceof RegistryError && error.retryable)) {
    return { at: 'failed', error: new RegistrationFailedError(error) };
  }
  const counted = failures + 1;
  const askedMs = Math.min(error.retryAfterMs ?? 0, RETRY_AFTER_CAP_MS);
  // What is asked of all is spread out as well: the span after the first failure, on top of it.
  const waitMs = askedMs > 0 ? askedMs + backoffMs(1, pacing) : backoffMs(counted, pacing);
  return { at: 'registering', waitMs, failures: counted, refusals };
}

/** The URL is good for nothing, in the eyes of whoever it points to. A wait that is asked for (429) is none of that. */
function isRejection(status: number | undefined): boolean {
  return status !== undefined && status >= 300 && status < 500 && status !== 429;
}

/** A random part of a doubling span ("full jitter"), so that a fleet does not come back in step. */
function backoffMs(failures: number, { random, inUse }: Pacing): number {
  const capMs = inUse ? BACKOFF_CAP_IN_USE_MS : BACKOFF_CAP_MS;
  return random() * Math.min(capMs, BACKOFF_BASE_MS * 2 ** Math.min(failures - 1, 16));
}
