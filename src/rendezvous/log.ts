/** What a rendezvous reports of itself; a logger of pino fits. Never given tokens, tickets or signed URLs. */
export interface RendezvousLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
