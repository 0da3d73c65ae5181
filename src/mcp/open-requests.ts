import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/client';

/** What JSON-RPC says in MCP about a request whose connection has gone. */
const CONNECTION_CLOSED = -32_000;

/** The requests that were sent and have not been answered, to fail them with a reason when no answer can come. */
export class OpenRequests {
  readonly #ids = new Set<RequestId>();

  sent(message: JSONRPCMessage): void {
    if (!('method' in message)) return;
    if ('id' in message) this.#ids.add(message.id);
    else if (message.method === 'notifications/cancelled') this.#forget(message.params?.requestId);
  }

  received(message: JSONRPCMessage): void {
    if (!('method' in message)) this.#forget(message.id);
  }

  /** An answer for each, which says why there is none. */
  failAll(reason: Error & { code: string }): JSONRPCMessage[] {
    const ids = [...this.#ids];
    this.#ids.clear();
    const error = {
      code: CONNECTION_CLOSED,
      message: reason.message,
      data: { kind: reason.code, mayHaveExecuted: true },
    };
    return ids.map((id) => ({ jsonrpc: '2.0', id, error }));
  }

  #forget(id: unknown): void {
    if (typeof id === 'string' || typeof id === 'number') this.#ids.delete(id);
  }
}
