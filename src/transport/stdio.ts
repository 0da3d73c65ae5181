import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Channel } from '../rpc/channel.js';
import { LineChannel } from './line-channel.js';

/** A channel over our own stdin and stdout. */
export function openOwnStdio(): Channel {
  return new LineChannel(openStdin(), openStdout(), { description: 'stdio' });
}

function openStdin(): Readable {
  return isPipeLike(0) ? new Socket({ fd: 0, readable: true, writable: false }) : process.stdin;
}

/** `process.stdout` writes to pipes synchronously: a reader that stops would stop this whole process. A Socket does not. */
function openStdout(): Writable {
  return isPipeLike(1) ? new Socket({ fd: 1, readable: false, writable: true }) : process.stdout;
}

function isPipeLike(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
}
