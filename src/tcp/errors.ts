import { ErrorCode, invalidParams, WireError } from '../protocol/errors.js';
import type { TcpAddress, TcpFailureReason } from './types.js';

/** There is no connection. `text`: the end of a sentence. */
export function tcpFailed(
  address: TcpAddress,
  { reason, text }: { reason: TcpFailureReason; text: string },
  cause?: unknown,
): WireError {
  const data = { kind: 'tcp_failed' as const, reason, ...address };
  return new WireError(ErrorCode.internal, `tcp/connect to ${showAddress(address)} failed: ${text}`, data, { cause });
}

/** It was given up before it was made. */
export function tcpCancelled(address: TcpAddress, cause?: unknown): WireError {
  const message = `tcp/connect to ${showAddress(address)} was cancelled`;
  return new WireError(ErrorCode.internal, message, { kind: 'cancelled' }, { cause });
}

/** Throws a WireError for an address that cannot be. */
export function checkAddress({ host, port }: TcpAddress): void {
  if (host === '') throw invalidParams('tcp/connect host: expected a name or an IP address, got an empty text');
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return;
  throw invalidParams(`tcp/connect port: expected 1 to 65535, got ${port}`);
}

/** `name:80`, `[::1]:80`. */
export function showAddress({ host, port }: TcpAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A connection that was there broke, at its far end or on the way. */
export class TcpStreamError extends Error {
  override readonly name = 'TcpStreamError';
  /** The errno over there. */
  readonly code: string;

  constructor(message: string, code = 'ECONNRESET') {
    super(message);
    this.code = code;
  }
}

/** A local port cannot be listened on. */
export class PortForwardError extends Error {
  override readonly name = 'PortForwardError';
  readonly code = 'cannot_listen';
}
