import { describe, expect, test } from 'vitest';
import { ConnectionClosedError } from '../rpc/errors.js';
import { type ConnectionEvent, type ConnectionState, transition } from './connection-state.js';

const error = new ConnectionClosedError('gone', false);
const later = new ConnectionClosedError('later', false);

const STATES: Record<string, ConnectionState<string>> = {
  connecting: { status: 'connecting' },
  connected: { status: 'connected', connection: 'new' },
  recovering: { status: 'recovering', lost: 'new', reason: 'reset', attempt: 2 },
  failed: { status: 'failed', error },
  closed: { status: 'closed', error },
};

const EVENTS: Record<string, ConnectionEvent<string>> = {
  opened: { type: 'opened', connection: 'newest' },
  lost: { type: 'lost', connection: 'new', reason: 'reset' },
  lostForGood: { type: 'lost', connection: 'new', reason: 'reset', end: later },
  lostOld: { type: 'lost', connection: 'old', reason: 'reset', end: later },
  attempt: { type: 'attempt' },
  gaveUp: { type: 'gaveUp', error: later },
  closed: { type: 'closed', error: later },
};

/** What is not listed changes nothing. */
const CHANGES: Record<string, Record<string, ConnectionState<string>>> = {
  connecting: {
    opened: { status: 'connected', connection: 'newest' },
    gaveUp: { status: 'failed', error: later },
    closed: { status: 'closed', error: later },
  },
  connected: {
    lost: { status: 'recovering', lost: 'new', reason: 'reset', attempt: 0 },
    lostForGood: { status: 'failed', error: later },
    closed: { status: 'closed', error: later },
  },
  recovering: {
    opened: { status: 'connected', connection: 'newest' },
    attempt: { status: 'recovering', lost: 'new', reason: 'reset', attempt: 3 },
    gaveUp: { status: 'failed', error: later },
    closed: { status: 'closed', error: later },
  },
  // Closing what has failed keeps the reason why it failed.
  failed: { closed: { status: 'closed', error } },
  closed: {},
};

describe.each(Object.keys(STATES))('%s', (status) => {
  const state = STATES[status] as ConnectionState<string>;
  test.each(Object.keys(EVENTS))('on %s', (name) => {
    const next = transition(state, EVENTS[name] as ConnectionEvent<string>);
    const change = CHANGES[status]?.[name];
    if (change) expect(next).toEqual(change);
    else expect(next).toBe(state);
  });
});
