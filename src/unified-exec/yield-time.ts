import {
  DEFAULT_EXEC_YIELD_TIME_MS,
  DEFAULT_WRITE_YIELD_TIME_MS,
  MAX_POLL_YIELD_TIME_MS,
  MAX_YIELD_TIME_MS,
  MIN_POLL_YIELD_TIME_MS,
  MIN_YIELD_TIME_MS,
} from './limits.js';

/** How long a call that starts a command waits, in milliseconds. */
export function execYieldTime(asked = DEFAULT_EXEC_YIELD_TIME_MS): number {
  return clamp(asked, MIN_YIELD_TIME_MS, MAX_YIELD_TIME_MS);
}

/** How long a call that types `chars` waits, in milliseconds; without any it polls. */
export function writeYieldTime(chars: string, asked: number | undefined): number {
  return chars === ''
    ? clamp(asked ?? MIN_POLL_YIELD_TIME_MS, MIN_POLL_YIELD_TIME_MS, MAX_POLL_YIELD_TIME_MS)
    : clamp(asked ?? DEFAULT_WRITE_YIELD_TIME_MS, MIN_YIELD_TIME_MS, MAX_YIELD_TIME_MS);
}

export function clamp(value: number, min: number, max: number): number {
  return Number.isNaN(value) ? min : Math.min(Math.max(value, min), max);
}
