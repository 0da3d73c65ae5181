import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { Command } from 'commander';
import type { HttpHeader, HttpRequest, HttpResponseHead } from '../http/types.js';
import { tell } from './report-connection.js';
import { addTargetOptions, openTarget, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

/** As curl has it for `-f`. */
const EXIT_ERROR_STATUS = 22;
const EXIT_INTERRUPTED = 130;

interface HttpOptions extends TargetOptions {
  request?: string;
  header: string[];
  data?: string;
  include?: boolean;
  output?: string;
  location?: boolean;
  fail?: boolean;
  maxTime?: string;
}

export function httpCommand(): Command {
  const command = new Command('http')
    .description(
      'Make an HTTP request that starts on a server, and write the body of its answer to stdout as it comes.',
    )
    .argument('<url>', 'http://… or https://…, as it is reached from there')
    .option('-X, --request <method>', 'the method (default: GET, with -d POST)')
    .option('-H, --header <line>', '`Name: value`; may be repeated', collect, [])
    .option('-d, --data <data>', 'the body: text, @FILE for what is in a file, or @- for what comes on stdin')
    .option('-i, --include', 'write status and headers before the body')
    .option('-o, --output <file>', 'write the body to a file')
    .option('-L, --location', 'follow redirects')
    .option('-f, --fail', `a status of 400 or above is a failure: no body, exit code ${EXIT_ERROR_STATUS}`)
    .option('-m, --max-time <seconds>', 'give up after this time');
  return addTargetOptions(command).action(makeRequest);
}

const collect = (value: string, all: string[]) => [...all, value];

async function makeRequest(url: string, options: HttpOptions): Promise<void> {
  const timeoutMs = readSeconds(options.maxTime);
  const request = await readRequest(url, options);
  const stop = new AbortController();
  let readerGone = false;
  const onReaderGone = () => {
    readerGone = true; // it has enough, as `head` has: no failure
    stop.abort();
  };
  const interrupt = () => {
    process.exitCode = EXIT_INTERRUPTED;
    stop.abort();
  };
  process.stdout.on('error', onReaderGone);
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const target = await openTarget(options);
  try {
    await using response = await target.http.stream(request, { signal: stop.signal, timeoutMs });
    if (options.fail && response.status >= 400) {
      tell(`the answer is ${response.status} ${response.statusText}`.trimEnd());
      process.exitCode = EXIT_ERROR_STATUS;
      return;
    }
    await writeAnswer(response, options, stop.signal);
  } catch (error) {
    if (!readerGone && process.exitCode !== EXIT_INTERRUPTED) throw error;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await target.close({ keep: false });
  }
}

async function writeAnswer(
  response: HttpResponseHead & { body: AsyncIterable<Buffer> },
  { include, output }: HttpOptions,
  signal: AbortSignal,
): Promise<void> {
  const file = output === undefined ? undefined : createWriteStream(output);
  if (file) await once(file, 'open', { signal });
  const to: Writable = file ?? process.stdout;
  if (include) to.write(headText(response));
  for await (const chunk of response.body) {
    if (!to.write(chunk)) await once(to, 'drain', { signal });
  }
  if (!file) return;
  file.end();
  await once(file, 'close');
}

function headText({ status, statusText, headers }: HttpResponseHead): string {
  const lines = headers.map(({ name, value }) => `${name}: ${value}`);
  return `${[`HTTP/1.1 ${status} ${statusText}`.trimEnd(), ...lines, '', ''].join('\r\n')}`;
}

async function readRequest(url: string, options: HttpOptions): Promise<HttpRequest> {
  if (!/^https?:\/\//i.test(url)) throw new UsageError(`expected http://… or https://…, got \`${url}\``);
  const body = options.data === undefined ? undefined : await readData(options.data);
  const headers = options.header.map(readHeader);
  if (body !== undefined && !headers.some(({ name }) => name.toLowerCase() === 'content-type')) {
    headers.push({ name: 'content-type', value: 'application/x-www-form-urlencoded' });
  }
  return {
    method: options.request ?? (body === undefined ? 'GET' : 'POST'),
    url,
    headers,
    body,
    redirectPolicy: options.location ? 'follow' : 'stop',
  };
}

/** What is in a file, or comes on stdin, is sent as it is read. */
async function readData(data: string): Promise<HttpRequest['body']> {
  if (!data.startsWith('@')) return Buffer.from(data);
  if (data === '@-') return process.stdin;
  const path = data.slice(1);
  try {
    await (await open(path)).close(); // before anything is sent
  } catch (cause) {
    throw new UsageError(`-d: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return createReadStream(path);
}

function readHeader(line: string): HttpHeader {
  const at = line.indexOf(':');
  if (at <= 0) throw new UsageError(`-H: expected \`Name: value\`, got \`${line}\``);
  return { name: line.slice(0, at), value: line.slice(at + 1).trim() };
}

function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds <= 0) {
    throw new UsageError(`--max-time: expected a number of seconds above 0, got \`${text}\``);
  }
  return seconds * 1000;
}
