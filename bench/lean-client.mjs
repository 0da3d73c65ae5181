import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import { deferred, WAIT_MS, within } from './deadline.mjs';
import { InvalidResult, mustEqual } from './invalid-result.mjs';
import { TrackedProcess } from './tracked-process.mjs';

// Loopback answers in milliseconds; a server that needs this long to shake hands is broken.
const CONNECT_MS = 20_000;
const CHILD_PATH = '/usr/local/bin:/usr/bin:/bin';
const CHILD_CWD = '/';

// Needles as Buffers, so that a search does not convert the string each time.
const OUTPUT_METHOD = Buffer.from('"process/output"');
const CHUNK_KEY = Buffer.from('"chunk":"');
const QUOTE = '"'.charCodeAt(0);

/**
 * A JSON-RPC client that must never be the bottleneck: output frames are not parsed, only searched, and their bytes
 * are counted from the length of the base64.
 */
export class LeanClient {
  #socket;
  #childEnv;
  #nextCall = 1;
  #nextProcess = 1;
  #calls = new Map();
  #processes = new Map();
  #failure;
  #usesUris;
  #capabilities = {};

  /** `childMark` goes into the environment of every started process, so that none can outlive the run unseen. */
  static async connect(url, childMark) {
    const client = new LeanClient(url, childMark);
    try {
      await client.#shakeHands();
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  constructor(url, childMark) {
    this.#childEnv = { PATH: CHILD_PATH, ...childMark };
    // 0.129.0 hangs up on an offer of permessage-deflate. `ws` sets TCP_NODELAY on every socket by itself.
    // The servers send JSON made by serializers: checking its UTF-8 again would only cost the client time.
    this.#socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 0, skipUTF8Validation: true });
    this.#socket.on('message', (data) => this.#receive(data));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', (code, reason) => {
      this.#fail(new Error(`connection closed by the server (${code} ${reason})`.replace(' )', ')')));
    });
  }

  /** Resolves to `{result, at}`; `at` is when the answer arrived. */
  async call(method, params, timeoutMs = WAIT_MS) {
    if (this.#failure) throw this.#failure;
    const id = this.#nextCall++;
    const pending = deferred();
    this.#calls.set(id, { method, pending });
    this.#socket.send(JSON.stringify({ id, method, params }));
    return await within(pending.promise, `answer to ${method} (${params.processId ?? 'no process'})`, timeoutMs);
  }

  /** Sends process/start and returns at once; `finished()` of the result waits. */
  start(argv, { tty = false, pipeStdin = false, onOutput, timeoutMs } = {}) {
    const processId = `p${this.#nextProcess++}`;
    const tracked = new TrackedProcess(processId, { onOutput, timeoutMs });
    // Before the request goes out: in the real peers notifications can overtake the answer to process/start.
    this.#processes.set(processId, tracked);
    const params = { processId, argv, cwd: this.path(CHILD_CWD), env: this.#childEnv, tty, pipeStdin };
    tracked.sentAt = performance.now();
    tracked.answer = this.#started(tracked, params);
    // Not swallowed: finished() awaits the same promise. Until somebody calls it, a rejection must not end the run.
    tracked.answer.catch(() => undefined);
    return tracked;
  }

  /** A path as this server wants it. */
  path(absolute) {
    return this.#usesUris ? pathToFileURL(absolute).href : absolute;
  }

  /** Whether it is one of ours that has this extension. */
  announces(capability) {
    return this.#capabilities[capability] === true;
  }

  /** Resolves when the write is accepted. 0.169.0 insists on a unique writeId, 0.129.0 ignores it. */
  async write(tracked, bytes) {
    const chunk = bytes.toString('base64');
    const params = { processId: tracked.processId, chunk, writeId: randomUUID() };
    const { result } = await this.call('process/write', params);
    mustEqual('process/write status', result.status, 'accepted');
  }

  close() {
    this.#socket.terminate();
  }

  async #shakeHands() {
    const opened = deferred();
    this.#socket.once('open', opened.resolve);
    this.#socket.once('error', opened.reject);
    await within(opened.promise, 'WebSocket handshake', CONNECT_MS);
    const { result } = await this.call('initialize', { clientName: 'exec-server-bench' });
    // Newer servers tell their dialect by the way they write their own cwd; older ones do not send it.
    this.#capabilities = result.capabilities ?? {};
    this.#usesUris = result.environmentInfo?.cwd?.startsWith('file:') ?? false;
    this.#socket.send('{"method":"initialized","params":{}}');
  }

  async #started({ processId, timeoutMs }, params) {
    const { result } = await this.call('process/start', params, timeoutMs);
    mustEqual('processId in the answer to process/start', result.processId, processId);
  }

  #receive(data) {
    if (this.#failure || this.#receiveOutput(data)) return;
    const at = performance.now();
    const message = JSON.parse(data.toString());
    if (message.method === undefined) this.#receiveAnswer(message, at);
    else this.#receiveNotification(message.method, message.params);
  }

  /** The hot path. Base64 needs no escapes, so the next quote ends the chunk; false means: parse it properly. */
  #receiveOutput(data) {
    if (!data.includes(OUTPUT_METHOD)) return false;
    const key = data.indexOf(CHUNK_KEY);
    if (key === -1) return false;
    const start = key + CHUNK_KEY.length;
    const end = data.indexOf(QUOTE, start);
    // Everything but the chunk, so that the order of the members does not matter.
    const rest = data.latin1Slice(0, key) + data.latin1Slice(end);
    const processId = /"processId":"([^"\\]*)"/.exec(rest)?.[1];
    const seq = /"seq":(\d+)/.exec(rest)?.[1];
    if (processId === undefined || seq === undefined) return false;
    this.#find(processId)?.output(Number(seq), data.subarray(start, end));
    this.#forgetComplete(processId);
    return true;
  }

  #receiveAnswer({ id, result, error }, at) {
    const call = this.#calls.get(id);
    if (!call) {
      const text = JSON.stringify(error ?? result);
      this.#fail(new InvalidResult(`answer to a call that was never made, or a second one: id ${id}, ${text}`));
      return;
    }
    this.#calls.delete(id);
    if (error) call.pending.reject(new Error(`${call.method} answered ${error.code} ${error.message}`));
    else call.pending.resolve({ result, at });
  }

  #receiveNotification(method, params) {
    const tracked = this.#find(params?.processId);
    if (method === 'process/output') tracked?.output(params.seq, Buffer.from(params.chunk, 'latin1'));
    else if (method === 'process/exited') tracked?.exited(params.seq, params.exitCode);
    else if (method === 'process/closed') tracked?.closed(params.seq);
    this.#forgetComplete(params?.processId);
  }

  #find(processId) {
    const tracked = this.#processes.get(processId);
    if (!tracked) this.#fail(new InvalidResult(`notification for ${processId}, which is not running`));
    return tracked;
  }

  #forgetComplete(processId) {
    if (this.#processes.get(processId)?.isComplete) this.#processes.delete(processId);
  }

  #fail(error) {
    this.#failure ??= error;
    for (const { pending } of this.#calls.values()) pending.reject(this.#failure);
    for (const tracked of this.#processes.values()) tracked.fail(this.#failure);
  }
}
