import { ErrorCode, WireError } from '../../src/protocol/errors.js';
import type { Channel } from '../../src/rpc/channel.js';
import { RpcPeer } from '../../src/rpc/peer.js';
import { memoryChannelPair } from '../../src/transport/memory-channel.js';

type Params = Record<string, unknown>;
export type Answers = Record<string, (params: Params) => unknown>;

/** A server that answers what it is told to, and says what it was asked. */
export class ScriptedServer {
  readonly calls: [method: string, params: Params][] = [];
  readonly answers: Answers;
  connections = 0;
  #server: RpcPeer | undefined;

  constructor(answers: Answers) {
    this.answers = answers;
  }

  readonly dial = (): Promise<Channel> => {
    const [ours, theirs] = memoryChannelPair();
    this.connections++;
    const server = new RpcPeer(theirs, {
      request: async ({ method, params }) => {
        this.calls.push([method, params as Params]);
        const answer = this.answers[method];
        if (!answer) throw new WireError(ErrorCode.unknownMethod, `no \`${method}\``, { kind: 'unknown_method' });
        return answer(params as Params);
      },
      notification: () => undefined,
      strayResponse: () => undefined,
      closed: () => undefined,
    });
    server.start();
    this.#server = server;
    return Promise.resolve(ours);
  };

  notify(method: string, params: Params): void {
    this.#server?.notify(method, params);
  }

  cut(): void {
    this.#server?.channel.terminate('cut');
  }

  /** The params of the calls of that name. */
  asked(method: string): Params[] {
    return this.calls.flatMap(([name, params]) => (name === method ? [params] : []));
  }
}
