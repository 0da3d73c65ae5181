import type {
  JSONRPCMessage,
  JSONRPCRequest,
  ReconnectionScheduler,
  StreamableHTTPClientTransport,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/client';
import { McpClosedError } from './errors.js';
import { DEFAULT_STARTUP_TIMEOUT_MS } from './limits.js';

const NOT_FOUND = 404;

/** The same options, as the SDK's own class spells them under exact optional properties. */
type SendOptions = Parameters<StreamableHTTPClientTransport['send']>[1];

interface Renewal {
  id: string;
  answered: (answer: JSONRPCMessage) => void;
}

/**
 * Keeps a session over Streamable HTTP. A server that has forgotten it answers 404: then `initialize` is sent again, once
 * for all who wait, and what was refused is sent once more. The client learns of it as of a changed list of tools.
 */
export class RenewingTransport implements Transport {
  readonly hasPerRequestStream = true;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #inner: StreamableHTTPClientTransport;
  readonly #name: string;
  #initialize: JSONRPCRequest | undefined;
  /** How often the session has been renewed. */
  #renewals = 0;
  #renewing: Promise<void> | undefined;
  #awaited: Renewal | undefined;

  constructor(open: (scheduler: ReconnectionScheduler) => StreamableHTTPClientTransport, serverName: string) {
    this.#name = serverName;
    this.#inner = open((reconnect, delayMs) => {
      const session = this.#renewals;
      // The new session has a stream of its own; the old one's is not to be found there.
      const timer = setTimeout(() => session === this.#renewals && reconnect(), delayMs);
      return () => clearTimeout(timer);
    });
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  async start(): Promise<void> {
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message) => this.#receive(message);
    await this.#inner.start();
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (!('method' in message && message.method === 'initialize')) return this.#sendInSession(message, options);
    this.#initialize = message as JSONRPCRequest;
    return this.#inner.send(message, options as SendOptions);
  }

  /** Ends the session on the server, which may not know how (405). */
  async close(): Promise<void> {
    await this.#inner.terminateSession().catch(() => undefined); // it expires there by itself
    await this.#inner.close();
  }

  async #sendInSession(message: JSONRPCMessage, options: TransportSendOptions | undefined): Promise<void> {
    await this.#renewing;
    const session = this.#renewals;
    const hadSession = this.#inner.sessionId !== undefined;
    try {
      await this.#inner.send(message, options as SendOptions);
    } catch (error) {
      if (!hadSession || !this.#initialize || statusOf(error) !== NOT_FOUND) throw error;
      if (session === this.#renewals) await this.#renew(this.#initialize);
      await this.#inner.send(message, options as SendOptions);
    }
  }

  #renew(initialize: JSONRPCRequest): Promise<void> {
    this.#renewing ??= this.#openSession(initialize).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #openSession(initialize: JSONRPCRequest): Promise<void> {
    const id = `renew-${this.#renewals + 1}`;
    const answer = await this.#ask({ ...initialize, id });
    if ('error' in answer) {
      throw new McpClosedError(`MCP server \`${this.#name}\` refused a new session: ${answer.error.message}`);
    }
    const { protocolVersion } = ('result' in answer ? answer.result : {}) as { protocolVersion?: unknown };
    if (typeof protocolVersion === 'string') this.#inner.setProtocolVersion(protocolVersion);
    this.#renewals += 1;
    await this.#inner.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
  }

  async #ask(request: JSONRPCRequest): Promise<JSONRPCMessage> {
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<JSONRPCMessage>((resolve, reject) => {
      this.#awaited = { id: String(request.id), answered: resolve };
      const late = `MCP server \`${this.#name}\` did not open a new session in time`;
      timer = setTimeout(() => reject(new McpClosedError(late)), DEFAULT_STARTUP_TIMEOUT_MS);
    });
    try {
      return (await Promise.all([answer, this.#inner.send(request)]))[0];
    } finally {
      clearTimeout(timer);
      this.#awaited = undefined;
    }
  }

  #receive(message: JSONRPCMessage): void {
    if (this.#awaited && 'id' in message && message.id === this.#awaited.id) this.#awaited.answered(message);
    else this.onmessage?.(message);
  }
}

function statusOf(error: unknown): unknown {
  return error instanceof Error && 'status' in error ? error.status : undefined;
}
