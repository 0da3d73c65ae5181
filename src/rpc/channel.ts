/** Why a channel ended. */
export interface CloseInfo {
  /** WebSocket close code, where there is one. 1006: the connection ended without a close frame. */
  code?: number;
  /** A sentence for a person. */
  reason: string;
}

export interface ChannelHandlers {
  /** One message, whole. */
  message(text: string): void;
  /** Bytes that are no text: to be answered like a message that cannot be parsed. */
  unreadable(reason: string): void;
  /** Called exactly once. */
  closed(info: CloseInfo): void;
}

/**
 * A two-way, ordered stream of text messages. Nothing above this interface knows what carries them.
 * `send` never throws and never blocks: what is sent after the end is dropped, and `closed` has told why.
 */
export interface Channel {
  /** For messages to a person, such as `websocket 127.0.0.1:4711` or `stdio`. */
  readonly description: string;
  /** Starts delivery. Messages that came before wait for it. */
  start(handlers: ChannelHandlers): void;
  /** `latin1` promises that the text is ASCII, which makes encoding it several times cheaper. */
  send(text: string, encoding?: 'utf8' | 'latin1'): void;
  /** Bytes accepted by `send` that have not left the process yet. */
  readonly queuedBytes: number;
  /** Resolves when few enough bytes are queued to send more, or the channel has ended. Undefined: right now. */
  drained(): Promise<void> | undefined;
  /** Stops and resumes reading from the other side; what is in flight stays in the operating system's buffers. */
  pauseReading(): void;
  resumeReading(): void;
  /** Is the other side alive? Asked of it, answered within the time or not. */
  probe(timeoutMs: number): Promise<boolean>;
  /** Flushes what is queued, tells the other side why, and ends. */
  close(code: number, reason: string): void;
  /** Ends at once. */
  terminate(reason: string): void;
}

/** Close codes of RFC 6455 that we send. */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
} as const;
