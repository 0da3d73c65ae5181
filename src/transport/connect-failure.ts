import { errnoOf } from '../protocol/os-error.js';

/** Why a TCP connection was not made. */
export type ConnectFailureReason = 'connection_refused' | 'name_not_found' | 'unreachable' | 'timed_out';

export interface ConnectFailure {
  reason: ConnectFailureReason;
  /** The end of a sentence, with the address where it is known. */
  text: string;
}

const BY_CODE: Record<string, [reason: ConnectFailureReason, text: string]> = {
  ECONNREFUSED: ['connection_refused', 'connection refused'],
  ENOTFOUND: ['name_not_found', 'the host name was not found'],
  EAI_AGAIN: ['name_not_found', 'the host name was not found: the resolver gave no answer'],
  EHOSTUNREACH: ['unreachable', 'no route to host'],
  ENETUNREACH: ['unreachable', 'network is unreachable'],
  EADDRNOTAVAIL: ['unreachable', 'no local address to connect from'],
  ETIMEDOUT: ['timed_out', 'connection timed out'],
};

/** What an error of node:net means; undefined for one that says nothing about the way there. */
export function connectFailure(error: Error): ConnectFailure | undefined {
  const known = BY_CODE[errnoOf(error) ?? ''];
  if (!known) return undefined;
  const { address, port } = error as { address?: string; port?: number };
  const where = address === undefined ? '' : ` (${address}${port === undefined ? '' : ` port ${port}`})`;
  return { reason: known[0], text: `${known[1]}${where}` };
}
