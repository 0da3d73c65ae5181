import type { Channel, CloseInfo } from '../../src/rpc/channel.js';
import { type IncomingRequest, RpcPeer } from '../../src/rpc/peer.js';
import { memoryChannelPair } from '../../src/transport/memory-channel.js';

/** What has reached the handlers of a peer. */
export interface PeerNotes {
  notifications: string[];
  strays: number;
  ends: CloseInfo[];
}

export interface PeerPair {
  client: RpcPeer;
  server: RpcPeer;
  clientNotes: PeerNotes;
  serverNotes: PeerNotes;
}

type Answer = (request: IncomingRequest) => Promise<unknown>;

const refuse: Answer = () => Promise.reject(new Error('this side answers nothing'));

/** Two peers joined in memory; the server answers with `answer`. */
export function peerPair(answer: Answer): PeerPair {
  const [a, b] = memoryChannelPair();
  const [client, clientNotes] = startPeer(a, refuse);
  const [server, serverNotes] = startPeer(b, answer);
  return { client, server, clientNotes, serverNotes };
}

export function startPeer(channel: Channel, answer: Answer): [RpcPeer, PeerNotes] {
  const notes: PeerNotes = { notifications: [], strays: 0, ends: [] };
  const peer = new RpcPeer(channel, {
    request: answer,
    notification: (method) => notes.notifications.push(method),
    strayResponse: () => {
      notes.strays++;
    },
    closed: (info) => notes.ends.push(info),
  });
  peer.start();
  return [peer, notes];
}

/** A promise that is settled from outside. */
export function deferred<T = void>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
