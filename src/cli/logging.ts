import { type Logger, pino } from 'pino';
import { UsageError } from './usage-error.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** Logs to stderr: stdout belongs to the URL line and to the stdio transport. For people on a terminal, JSON otherwise. */
export async function createLogger(level: string): Promise<Logger> {
  if (!LEVELS.includes(level)) {
    throw new UsageError(`--log-level: expected one of ${LEVELS.join(', ')}, got \`${level}\``);
  }
  if (!process.stderr.isTTY) return pino({ level }, pino.destination({ dest: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(
    { level },
    pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
  );
}
