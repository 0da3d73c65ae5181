import type { ClientEndError } from './errors.js';

/** Where a client stands. `C` is the connection. */
export type ConnectionState<C> =
  | { status: 'connecting' }
  | { status: 'connected'; connection: C }
  /** The connection was cut; attempt number `attempt` to come back to the session is under way. */
  | { status: 'recovering'; lost: C; reason: string; attempt: number }
  /** It did not come back. Final. */
  | { status: 'failed'; error: ClientEndError }
  /** Its user has closed it. Final. */
  | { status: 'closed'; error: ClientEndError };

export type ConnectionEvent<C> =
  | { type: 'opened'; connection: C }
  /** A connection has ended; `end` when there is no coming back. */
  | { type: 'lost'; connection: C; reason: string; end?: ClientEndError | undefined }
  | { type: 'attempt' }
  | { type: 'gaveUp'; error: ClientEndError }
  | { type: 'closed'; error: ClientEndError };

/** The next state; the same object when the event changes nothing, as news of an older connection do. */
export function transition<C>(state: ConnectionState<C>, event: ConnectionEvent<C>): ConnectionState<C> {
  switch (state.status) {
    case 'failed':
      return event.type === 'closed' ? { status: 'closed', error: state.error } : state;
    case 'closed':
      return state;
    case 'connecting':
    case 'recovering':
      switch (event.type) {
        case 'opened':
          return { status: 'connected', connection: event.connection };
        case 'attempt':
          return state.status === 'recovering' ? { ...state, attempt: state.attempt + 1 } : state;
        case 'gaveUp':
          return { status: 'failed', error: event.error };
        case 'closed':
          return { status: 'closed', error: event.error };
        case 'lost':
          return state; // a connection that was being opened: the attempt itself has failed
        default:
          return event satisfies never;
      }
    case 'connected':
      switch (event.type) {
        case 'lost':
          if (event.connection !== state.connection) return state;
          return event.end
            ? { status: 'failed', error: event.end }
            : { status: 'recovering', lost: event.connection, reason: event.reason, attempt: 0 };
        case 'closed':
          return { status: 'closed', error: event.error };
        case 'opened':
        case 'attempt':
        case 'gaveUp':
          return state;
        default:
          return event satisfies never;
      }
    default:
      return state satisfies never;
  }
}
