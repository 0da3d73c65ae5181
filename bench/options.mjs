import { parseArgs } from 'node:util';
import { cases } from './cases/index.mjs';
import { OURS } from './servers.mjs';

const DEFAULT_SERVERS = [OURS, '0.129.0', '0.169.0'];
const VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
const names = cases.map(({ name }) => name);

export const USAGE = `node bench/run.mjs [options]
  --only NAME,…     only these cases: ${names.join(', ')}
  --servers NAME,…  "${OURS}" and versions of @openai/codex (default ${DEFAULT_SERVERS.join(',')})
  --quick           fewer rounds of the same work
  --json FILE       writes every sample to FILE
  --server-cmd CMD  starts "${OURS}" with this shell command; it must print its ws:// URL on stdout
  --help            this text`;

export class UsageError extends Error {}

function list(text, fallback, isKnown, flag) {
  const entries = text === undefined ? fallback : text.split(',').filter((entry) => entry !== '');
  const wrong = entries.find((entry) => !isKnown(entry));
  if (wrong !== undefined) throw new UsageError(`${flag}: unknown name "${wrong}"`);
  if (entries.length === 0) throw new UsageError(`${flag}: at least one name is needed`);
  return [...new Set(entries)];
}

export function readOptions(args) {
  const string = { type: 'string' };
  const boolean = { type: 'boolean', default: false };
  const options = { only: string, servers: string, quick: boolean, json: string, 'server-cmd': string, help: boolean };
  let values;
  try {
    values = parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error.message);
  }
  const only = list(values.only, names, (name) => names.includes(name), '--only');
  return {
    cases: cases.filter(({ name }) => only.includes(name)),
    servers: list(values.servers, DEFAULT_SERVERS, (name) => name === OURS || VERSION.test(name), '--servers'),
    quick: values.quick,
    json: values.json,
    serverCommand: values['server-cmd'],
    help: values.help,
  };
}
