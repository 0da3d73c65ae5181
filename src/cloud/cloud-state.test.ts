import { expect, test } from 'vitest';
import { RegistryError } from '../registry/errors.js';
import type { Registration } from '../registry/executor-registration.js';
import { type CloudEvent, type CloudState, initialState, transition } from './cloud-state.js';
import { CredentialError } from './credentials.js';

const registration: Registration = {
  contract: 'executor',
  registrationId: 'r',
  url: 'wss://h/',
  controlUrl: undefined,
};
const registered = { type: 'registered', registration } as const;
const opened = { type: 'opened', connection: 'c' } as const;
const ended = (lastedMs: number, used: boolean) => ({ type: 'ended', reason: '', lastedMs, used }) as const;
const missed = (status?: number) => ({ type: 'dialFailed', status, reason: '' }) as const;
const refused = (status: number | undefined, retryable = false, retryAfterMs?: number) => {
  const error = new RegistryError('no', { code: 'x', status, retryable, retryAfterMs });
  return { type: 'registrationFailed', error } as const;
};

/** The longest pauses that there can be. */
const longest = { random: () => 1, inUse: false };

function after(...events: CloudEvent<string>[]): CloudState<string> {
  return events.reduce<CloudState<string>>((state, event) => transition(state, event, longest), initialState);
}

test('from registering to connected, with no pause', () => {
  expect(after()).toMatchObject({ at: 'registering', waitMs: 0 });
  expect(after(registered)).toMatchObject({ at: 'dialling', registration, waitMs: 0 });
  expect(after(registered, opened)).toMatchObject({ at: 'connected', connection: 'c' });
});

test('pauses are random parts of a span that doubles up to half a minute', () => {
  const unreachable = refused(undefined, true);
  const waits = [1, 2, 3, 4, 5, 6, 100].map((times) => after(...Array(times).fill(unreachable)));
  expect(waits.map((state) => 'waitMs' in state && state.waitMs)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
  ]);
  expect(transition(initialState, unreachable, { random: () => 0, inUse: false })).toMatchObject({ waitMs: 0 });
});

test('while there are sessions, the pauses are five seconds at most', () => {
  const inUse = { random: () => 1, inUse: true };
  const state = after(...Array(3).fill(refused(undefined, true)));
  expect(transition(state, refused(undefined, true), inUse)).toMatchObject({ waitMs: 5_000 });
  expect(transition(state, refused(503, true, 60_000), inUse)).toMatchObject({ waitMs: 61_000 });
});

test('a connection that was used or stood for a while makes good what failed before', () => {
  const failures = [missed(), missed(), registered];
  const again = { at: 'dialling', registration, misses: 0 };
  expect(after(registered, ...failures, opened, ended(5, true))).toMatchObject({ ...again, waitMs: 1_000 });
  expect(after(registered, ...failures, opened, ended(30_000, false))).toMatchObject({ ...again, waitMs: 1_000 });
  expect(after(registered, ...failures, opened, ended(5, false))).toMatchObject({ ...again, waitMs: 4_000 });
});

test.each([301, 400, 401, 403, 404, 409])('a handshake refused with %i makes the URL void', (status) => {
  expect(after(registered, missed(status))).toMatchObject({ at: 'registering', waitMs: 1_000 });
});

test.each([undefined, 429, 500, 503])('a dial that fails with %j is repeated twice', (status) => {
  expect(after(registered, missed(status))).toMatchObject({ at: 'dialling', misses: 1, waitMs: 1_000 });
  expect(after(registered, missed(status), missed(status))).toMatchObject({ at: 'dialling', misses: 2 });
  expect(after(registered, missed(status), missed(status), missed(status))).toMatchObject({ at: 'registering' });
});

test('what a registry asks us to wait is kept, within bounds, and spread', () => {
  expect(after(refused(429, true, 7_000))).toMatchObject({ waitMs: 8_000 });
  expect(after(refused(503, true, 1e9))).toMatchObject({ waitMs: 301_000 });
  expect(after(refused(503, true, 0))).toMatchObject({ waitMs: 1_000 });
});

test.each([
  refused(401),
  refused(403),
  { type: 'registrationFailed', error: new CredentialError('no') } as const,
])('credentials are read again five times in a row', (refusal) => {
  const five = Array(5).fill(refusal);
  expect(after(...five)).toMatchObject({ at: 'registering', waitMs: 16_000 });
  expect(after(...five, refusal)).toMatchObject({ at: 'failed', error: { retryable: false } });
  expect(after(...five, registered, missed(401), refusal)).toMatchObject({ at: 'registering' });
});

test('a registration that cannot succeed is final, and so is being closed', () => {
  const failed = after(refused(400));
  expect(failed).toMatchObject({ at: 'failed' });
  expect(transition(failed, registered, longest)).toBe(failed);
  const closed = after(registered, { type: 'closed' });
  expect(transition(closed, opened, longest)).toBe(closed);
});

test('asked to move, it registers again soon, whatever went before', () => {
  expect(after(registered, opened, { type: 'moved', reason: '' })).toMatchObject({ at: 'registering', waitMs: 1_000 });
});
