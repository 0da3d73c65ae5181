import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ExecBackend } from '../process/types.js';
import { memoryChannelPair } from '../transport/memory-channel.js';
import type { Connection } from './connection.js';
import { SessionRegistry } from './session-registry.js';

const TTL_MS = 80_000;

/** As much of a connection as the registry sees. */
function connection({ alive = true } = {}) {
  const [channel] = memoryChannelPair();
  channel.probe = vi.fn(() => Promise.resolve(alive));
  const stub = { channel, closed: false, supersede: vi.fn() };
  return stub as typeof stub & Connection;
}

function registry(): SessionRegistry {
  const nothing = () => Promise.reject(new Error('nothing runs here'));
  const backend: ExecBackend = { start: nothing, environmentInfo: nothing, close: () => Promise.resolve() };
  return new SessionRegistry({ backend, sessionTtlMs: TTL_MS, processRetentionMs: TTL_MS });
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('at the end of its time', () => {
  test('a session can be resumed up to the last millisecond, and is then safe', async () => {
    const sessions = registry();
    const old = connection();
    const session = sessions.create(old);
    sessions.detach(session, old);
    await vi.advanceTimersByTimeAsync(TTL_MS - 1);
    expect(await sessions.resume(session.id, connection())).toBe(session);
    await vi.advanceTimersByTimeAsync(10 * TTL_MS);
    expect(sessions.size).toBe(1);
  });

  test('a session is gone without anybody asking', async () => {
    const sessions = registry();
    const old = connection();
    const session = sessions.create(old);
    sessions.detach(session, old);
    await vi.advanceTimersByTimeAsync(TTL_MS);
    expect(sessions.size).toBe(0);
  });

  test('tear-down wins over a resume, although the timer is late', async () => {
    const sessions = registry();
    const old = connection();
    const session = sessions.create(old);
    sessions.detach(session, old);
    const closed = vi.spyOn(session, 'close');
    const now = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(now + TTL_MS);
    await expect(sessions.resume(session.id, connection())).rejects.toMatchObject({
      kind: 'unknown_session',
      message: `unknown session id ${session.id}`,
    });
    expect(closed).toHaveBeenCalledOnce();
    expect(sessions.size).toBe(0);
    vi.mocked(performance.now).mockRestore();
  });

  test('the time starts anew with every detaching', async () => {
    const sessions = registry();
    let holder = connection();
    const session = sessions.create(holder);
    for (let i = 0; i < 3; i++) {
      sessions.detach(session, holder);
      await vi.advanceTimersByTimeAsync(TTL_MS - 1);
      holder = connection();
      await sessions.resume(session.id, holder);
    }
    expect(session.connection).toBe(holder);
  });
});

describe('the late end of an older connection', () => {
  test('changes nothing for a session that has been taken over', async () => {
    const sessions = registry();
    const old = connection({ alive: false });
    const fresh = connection();
    const session = sessions.create(old);
    await sessions.resume(session.id, fresh);
    expect(old.supersede).toHaveBeenCalledOnce();
    sessions.detach(session, old);
    await vi.advanceTimersByTimeAsync(2 * TTL_MS);
    expect(session.connection).toBe(fresh);
    expect(sessions.size).toBe(1);
  });

  test('told twice does not shorten the time', async () => {
    const sessions = registry();
    const old = connection();
    const session = sessions.create(old);
    sessions.detach(session, old);
    await vi.advanceTimersByTimeAsync(TTL_MS / 2);
    sessions.detach(session, old);
    await vi.advanceTimersByTimeAsync(TTL_MS / 2 - 1);
    expect(sessions.size).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(sessions.size).toBe(0);
  });
});

describe('while a holder is being asked whether it is alive', () => {
  /** A holder whose answer the test gives. */
  function holderWithOpenQuestion() {
    const holder = connection();
    let answer: (alive: boolean) => void = () => undefined;
    holder.channel.probe = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    return { holder, answer: (alive: boolean) => answer(alive) };
  }

  test('its session may end: there is nothing to resume then', async () => {
    const sessions = registry();
    const { holder, answer } = holderWithOpenQuestion();
    const session = sessions.create(holder);
    const resume = sessions.resume(session.id, connection());
    sessions.detach(session, holder);
    await vi.advanceTimersByTimeAsync(TTL_MS);
    answer(false);
    await expect(resume).rejects.toMatchObject({ kind: 'unknown_session' });
  });

  test('it may leave: the session is given, although the answer had been yes', async () => {
    const sessions = registry();
    const { holder, answer } = holderWithOpenQuestion();
    const session = sessions.create(holder);
    const fresh = connection();
    const resume = sessions.resume(session.id, fresh);
    sessions.detach(session, holder);
    answer(true);
    expect(await resume).toBe(session);
    expect(session.connection).toBe(fresh);
    expect(holder.supersede).not.toHaveBeenCalled();
  });

  test('another may come first: the second is refused', async () => {
    const sessions = registry();
    const { holder, answer } = holderWithOpenQuestion();
    const session = sessions.create(holder);
    const resume = sessions.resume(session.id, connection());
    sessions.detach(session, holder);
    const first = connection();
    await sessions.resume(session.id, first);
    answer(false);
    await expect(resume).rejects.toMatchObject({ kind: 'session_attached', data: { retryable: true } });
    expect(session.connection).toBe(first);
  });

  test('the one that wants it may leave: the holder keeps it', async () => {
    const sessions = registry();
    const { holder, answer } = holderWithOpenQuestion();
    const session = sessions.create(holder);
    const rival = connection();
    const resume = sessions.resume(session.id, rival);
    rival.closed = true;
    answer(false);
    await expect(resume).rejects.toMatchObject({ kind: 'disconnected' });
    expect(session.connection).toBe(holder);
    expect(holder.supersede).not.toHaveBeenCalled();
  });
});
