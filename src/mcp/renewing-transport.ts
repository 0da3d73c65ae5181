import type { JSONRPCMessage, JSONRPCRequest, Transport, TransportSendOptions } from '@modelcontextprotocol/client';
import { McpClosedError } from './errors.js';
import { HttpSession, NOT_FOUND, type OpenTransport, statusOf } from './http-session.js';
import { DEFAULT_STARTUP_TIMEOUT_MS } from './limits.js';

/**
 * Keeps up a session over Streamable HTTP. A server that has forgotten it answers 404: then a new one is opened, once for
 * all who wait, and what was refused is sent once more. The client learns of it as of a changed list of tools. What is under
 * way in the old session is answered on its streams, or fails when they end.
 */
export class RenewingTransport implements Transport {
  readonly hasPerRequestStream = true;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #open: OpenTransport;
  readonly #name: string;
  #session: HttpSession;
  /** Those that have been forgotten, and still bring answers. */
  readonly #expired = new Set<HttpSession>();
  #initialize: JSONRPCRequest | undefined;
  #renewals = 0;
  #renewing: Promise<void> | undefined;

  constructor(open: OpenTransport, serverName: string) {
    this.#open = open;
    this.#name = serverName;
    this.#session = new HttpSession(open, serverName);
  }

  get sessionId(): string | undefined {
    return this.#session.id;
  }

  setProtocolVersion(version: string): void {
    this.#session.setProtocolVersion(version);
  }

  start(): Promise<void> {
    return this.#begin(this.#session);
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (!('method' in message && message.method === 'initialize')) return this.#sendInSession(message, options);
    this.#initialize = message as JSONRPCRequest;
    return this.#session.send(message, options);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#expired].map((session) => session.close()));
    await this.#session.end();
  }

  async #begin(session: HttpSession): Promise<void> {
    session.onmessage = (message) => this.onmessage?.(message);
    session.onerror = (error) => this.onerror?.(error);
    session.onclose = () => {
      this.#expired.delete(session);
      if (session === this.#session) this.onclose?.();
    };
    await session.start();
  }

  async #sendInSession(message: JSONRPCMessage, options: TransportSendOptions | undefined): Promise<void> {
    await this.#renewing;
    const session = this.#session;
    try {
      await session.send(message, options);
    } catch (error) {
      if (session.id === undefined || !this.#initialize || statusOf(error) !== NOT_FOUND) throw error;
      if (session === this.#session) await this.#renew(this.#initialize);
      await this.#session.send(message, options);
    }
  }

  #renew(initialize: JSONRPCRequest): Promise<void> {
    this.#renewing ??= this.#replaceSession(initialize).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #replaceSession(initialize: JSONRPCRequest): Promise<void> {
    this.#renewals += 1;
    const fresh = new HttpSession(this.#open, this.#name);
    try {
      const answer = await this.#ask(fresh, { ...initialize, id: `renew-${this.#renewals}` });
      if ('error' in answer) {
        throw new McpClosedError(`MCP server \`${this.#name}\` refused a new session: ${answer.error.message}`);
      }
      const { protocolVersion } = ('result' in answer ? answer.result : {}) as { protocolVersion?: unknown };
      if (typeof protocolVersion === 'string') fresh.setProtocolVersion(protocolVersion);
      await fresh.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    } catch (error) {
      await fresh.close();
      throw error;
    }
    const old = this.#session;
    this.#session = fresh;
    this.#expired.add(old);
    old.expire();
    this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
  }

  /** Starts the session, too. */
  async #ask(session: HttpSession, request: JSONRPCRequest): Promise<JSONRPCMessage> {
    await this.#begin(session);
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<JSONRPCMessage>((resolve, reject) => {
      session.onmessage = (message) => {
        if ('id' in message && message.id === request.id) resolve(message);
        else this.onmessage?.(message);
      };
      const late = `MCP server \`${this.#name}\` did not open a new session in time`;
      timer = setTimeout(() => reject(new McpClosedError(late)), DEFAULT_STARTUP_TIMEOUT_MS);
    });
    try {
      return (await Promise.all([answer, session.send(request)]))[0];
    } finally {
      clearTimeout(timer);
    }
  }
}
