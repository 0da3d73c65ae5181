import { Command } from 'commander';
import { PortForwardError, showAddress } from '../tcp/errors.js';
import { forwardPort, type PortForward } from '../tcp/forward-port.js';
import type { TcpAddress, TcpConnector } from '../tcp/types.js';
import { tell } from './report-connection.js';
import { addTargetOptions, openTarget, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

export function forwardCommand(): Command {
  const command = new Command('forward')
    .description('Forward TCP ports of this machine through a server, until Ctrl-C.')
    .argument(
      '<port...>',
      '[BIND:]LOCAL_PORT:HOST:PORT, IPv6 addresses in brackets; LOCAL_PORT 0: one that is free; BIND: 127.0.0.1 unless given',
    );
  return addTargetOptions(command).action(forward);
}

interface Forwarding {
  listen: TcpAddress;
  to: TcpAddress;
}

async function forward(specifications: string[], options: TargetOptions): Promise<void> {
  const wanted = specifications.map(readForwarding);
  const target = await openTarget(options);
  const forwards: PortForward[] = [];
  try {
    const ended = untilEnd((stop) => target.onFailed(stop));
    for (const { listen, to } of wanted) {
      const opened = await open(target.tcp, { listen, to });
      forwards.push(opened);
      process.stdout.write(`forwarding ${showAddress(opened.address)} -> ${showAddress(to)}\n`);
    }
    await ended;
  } finally {
    await Promise.all(forwards.map((each) => each.close()));
    await target.close({ keep: false });
  }
}

async function open(tcp: TcpConnector, { listen, to }: Forwarding): Promise<PortForward> {
  try {
    return await forwardPort(tcp, { listen, to, onConnectFailed: ({ message }) => tell(message) });
  } catch (error) {
    if (!(error instanceof PortForwardError)) throw error;
    throw new Error(`${error.message}; choose another LOCAL_PORT, or 0 for one that is free`, { cause: error });
  }
}

/** Resolves when somebody wants it to end, with Ctrl-C or a signal; rejects when there is no way there any more. */
function untilEnd(onFailed: (stop: (error: Error) => void) => void): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
    onFailed(reject);
  });
  ended.catch(() => undefined); // also before somebody waits for it
  return ended;
}

const HOST = String.raw`(\[[^\]]+\]|[^:[\]]+)`;
const FORWARDING = new RegExp(`^(?:${HOST}:)?(\\d{1,5}):${HOST}:(\\d{1,5})$`);

function readForwarding(text: string): Forwarding {
  const match = FORWARDING.exec(text);
  if (!match) throw new UsageError(`expected [BIND:]LOCAL_PORT:HOST:PORT, IPv6 addresses in brackets, got \`${text}\``);
  const [, bind = '127.0.0.1', localPort = '', host = '', port = ''] = match;
  return {
    listen: { host: bare(bind), port: readPort(localPort, 0, text) },
    to: { host: bare(host), port: readPort(port, 1, text) },
  };
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function readPort(digits: string, least: number, text: string): number {
  const port = Number(digits);
  if (port < least || port > 65_535) {
    throw new UsageError(`expected a port from ${least} to 65535, got ${digits} in \`${text}\``);
  }
  return port;
}
