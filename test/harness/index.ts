export { type BinaryServer, startBinary } from './binary-server.js';
export { type ChannelListener, Heard, listenForChannels } from './channel-listener.js';
export { atEnd, useCleanup } from './cleanup.js';
export { CutProxy } from './cut-proxy.js';
export { type InProcessServer, startInProcess } from './in-process-server.js';
export { childrenOf, countActive, countDescriptors, isAlive, openDescriptors } from './leaks.js';
export { type LinkEnd, webSocketLink } from './links.js';
export { partialFiles } from './partial-files.js';
export { deferred, type PeerNotes, type PeerPair, peerPair, startPeer } from './peer-pair.js';
export { type Collected, Collector, shell, upTo } from './process-events.js';
export type { Shaping } from './proxied-connection.js';
export { RawClient, type WireMessage } from './raw-client.js';
export { exchangeHttp, type HttpAnswer, requestText } from './raw-http.js';
export {
  encodeFrame,
  encodeHeader,
  type Frame,
  Opcode,
  openTcp,
  RawWebSocket,
  upgradeRequest,
} from './raw-websocket.js';
export { Signals, scratchDirectory } from './scratch.js';
export { type Answers, ScriptedServer } from './scripted-server.js';
export { standsStill, until, whenClosed, within } from './until.js';
