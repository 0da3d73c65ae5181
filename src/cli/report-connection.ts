import type { ClientState } from '../client/exec-server-client.js';
import type { EnvironmentStatus } from '../environment/types.js';

let troubled = false;

/** Tells of a cut connection on stderr, where it cannot be taken for output of the command. */
export function reportConnection(state: ClientState): void {
  if (state.status === 'recovering') lost(state.reason);
  else if (state.status === 'connected') back();
  else if (state.status === 'failed') tell(state.reason);
}

export function reportStatus({ status, reason = 'no reason known' }: EnvironmentStatus): void {
  if (status === 'recovering') lost(reason);
  else if (status === 'ready') back();
}

function lost(reason: string): void {
  if (!troubled) tell(`connection lost (${reason}); reconnecting …`);
  troubled = true;
}

function back(): void {
  if (troubled) tell('reconnected');
  troubled = false;
}

/** On a terminal in raw mode a line feed alone does not return the carriage. */
export function tell(text: string): void {
  process.stderr.write(`exec-server: ${text}${process.stdin.isRaw ? '\r\n' : '\n'}`);
}
