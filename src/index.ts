// The parts that every user needs; the others have entries of their own: exec-server/server, /environment, /protocol.
export * from './client/index.js';
