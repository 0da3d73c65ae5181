import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/client';

/** What JSON-RPC says in MCP about a request whose connection has gone. */
const CONNECTION_CLOSED = -32_000;

/** The requests that were sent and have not been answered, to fail them with a reason when no answer can come. */
export class OpenRequests {
  readonly #ids = new Set<RequestId>();

  get size(): number {
    return this.#ids.size;
  }

  sent(message: JSONRPCMessage): void {
    if (!('method' in message)) return;
    if ('id' in message) this.#ids.add(message.id);
    else if (message.method === 'notifications/cancelled') this.forget(message.params?.requestId);
  }

  received(message: JSONRPCMessage): void {
    if (!('method' in message)) this.forget(message.id);
  }

  forget(id: unknown): void {
    if (typeof id === 'string' || typeof id === 'number') this.#ids.delete(id);
  }

  /** An answer that says why there is none; undefined for a request that is not open. */
  fail(id: RequestId, reason: Error & { code: string }): JSONRPCMessage | undefined {
    if (!this.#ids.delete(id)) return undefined;
    const data = { kind: reason.code, mayHaveExecuted: true };
    return { jsonrpc: '2.0', id, error: { code: CONNECTION_CLOSED, message: reason.message, data } };
  }

  /** One for each. */
  failAll(reason: Error & { code: string }): JSONRPCMessage[] {
    return [...this.#ids].flatMap((id) => this.fail(id, reason) ?? []);
  }
}
