import type { Readable, Writable } from 'node:stream';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import { MAX_MESSAGE_LINE_BYTES } from './limits.js';
import { LineSplitter } from './line-splitter.js';

/** JSON-RPC's code for a failure that is neither the caller's nor the method's. */
const INTERNAL_ERROR = -32_603;

export interface HostStreams {
  input: Readable;
  output: Writable;
}

/**
 * Resolves when the host takes more; undefined when it does so now. A bridge's transport is opened with this as its
 * `whenReady`: a host that does not read must pause the server, not fill our memory.
 */
export function hostReady(output: Writable): Promise<void> | undefined {
  if (!output.writableNeedDrain) return undefined;
  return new Promise((resolve) => {
    const ready = () => {
      for (const event of ['drain', 'close'] as const) output.off(event, ready);
      resolve();
    };
    for (const event of ['drain', 'close'] as const) output.on(event, ready);
  });
}

/**
 * Joins an MCP host that talks to us over stdio with a server behind a transport that has not been started. Resolves when
 * the host has ended its input (undefined), or the server has gone (why), and the transport has been closed by then.
 */
export async function bridgeStdio(transport: Transport, { input, output }: HostStreams): Promise<Error | undefined> {
  let trouble: Error | undefined;
  let initializeId: unknown;
  const toHost = (message: JSONRPCMessage) => void output.write(`${JSON.stringify(message)}\n`);
  const gone = new Promise<void>((resolve) => {
    transport.onclose = resolve;
  });
  transport.onerror = (error) => {
    trouble = error;
  };
  transport.onmessage = (message: JSONRPCMessage) => {
    // What the SDK's client does for its transport: over HTTP every request names the version.
    if ('result' in message && message.id === initializeId) {
      const { protocolVersion } = message.result as { protocolVersion?: unknown };
      if (typeof protocolVersion === 'string') transport.setProtocolVersion?.(protocolVersion);
    }
    toHost(message);
  };
  const toServer = async (message: JSONRPCMessage) => {
    if ('method' in message && message.method === 'initialize' && 'id' in message) initializeId = message.id;
    try {
      await transport.send(message);
    } catch (error) {
      if (!('method' in message && 'id' in message)) return; // nobody waits for an answer
      toHost({ jsonrpc: '2.0', id: message.id, error: { code: INTERNAL_ERROR, message: messageOf(error) } });
    }
  };
  await transport.start();
  const hostEnded = readLines(input, async (line) => {
    const sent = toServer(JSON.parse(line) as JSONRPCMessage);
    // One channel takes one message after the other; requests of their own must not wait for each other's answers.
    if (!transport.hasPerRequestStream) await sent;
  });
  try {
    return await Promise.race([
      hostEnded.then(() => undefined),
      gone.then(() => trouble ?? new Error('it has closed')),
    ]);
  } finally {
    hostEnded.catch(() => undefined); // it has been told, or comes too late
    await transport.close();
  }
}

/** Rejects with a SyntaxError for a line that is no JSON: a host that writes such a thing is not to be guessed at. */
async function readLines(input: Readable, onLine: (line: string) => Promise<void>): Promise<void> {
  const lines = new LineSplitter(MAX_MESSAGE_LINE_BYTES, () => {
    throw new Error(`the host sent a message of more than ${MAX_MESSAGE_LINE_BYTES} bytes`);
  });
  for await (const chunk of input) {
    for (const line of lines.push(chunk as Buffer)) if (line.trim() !== '') await onLine(line);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
