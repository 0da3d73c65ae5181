import type { ClientState } from '../client/exec-server-client.js';

let troubled = false;

/** Tells of a cut connection on stderr, where it cannot be taken for output of the command. */
export function reportConnection(state: ClientState): void {
  if (state.status === 'recovering' && state.attempt === 0) {
    troubled = true;
    tell(`connection lost (${state.reason}); reconnecting …`);
  } else if (state.status === 'connected' && troubled) {
    troubled = false;
    tell('reconnected');
  } else if (state.status === 'failed') {
    tell(state.reason);
  }
}

/** On a terminal in raw mode a line feed alone does not return the carriage. */
function tell(text: string): void {
  process.stderr.write(`exec-server: ${text}${process.stdin.isRaw ? '\r\n' : '\n'}`);
}
