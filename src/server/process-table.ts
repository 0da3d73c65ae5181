import { randomBytes } from 'node:crypto';
import type { Subscription } from '../event-log/subscription.js';
import { type ExecBackend, type ExecProcess, type ProcessId, processId, type StartParams } from '../process/types.js';
import { asciiJson } from '../protocol/envelope.js';
import { invalidRequest } from '../protocol/errors.js';
import type { Channel } from '../rpc/channel.js';
import { eventFrame, lostFrames } from './frames.js';

interface Entry {
  /** Set once it runs; until then `ready` is what to wait for. */
  process?: ExecProcess;
  ready: Promise<ExecProcess>;
  /** The events that are being pushed to the attached connection. */
  pushed?: Subscription;
  forgetTimer?: NodeJS.Timeout;
}

/** The processes of one session, and the pushing of their events to whatever connection is attached. */
export class ProcessTable {
  readonly #backend: ExecBackend;
  readonly #retentionMs: number;
  readonly #entries = new Map<ProcessId, Entry>();
  #channel: Channel | undefined;
  #closed = false;

  constructor(backend: ExecBackend, retentionMs: number) {
    this.#backend = backend;
    this.#retentionMs = retentionMs;
  }

  /** Pushes what happens from now on to this channel. What happened before is there to be read. */
  attach(channel: Channel): void {
    this.#channel = channel;
    for (const [id, entry] of this.#entries) {
      if (entry.process) this.#push(id, entry, entry.process, entry.process.info().nextSeq - 1);
    }
  }

  detach(): void {
    this.#channel = undefined;
    for (const entry of this.#entries.values()) entry.pushed?.close();
  }

  /** Starts a process. `answered` runs its argument once the answer to the request has been sent. */
  async start(params: StartParams, answered: (push: () => void) => void): Promise<void> {
    const id = params.processId;
    if (this.#entries.has(id)) {
      throw invalidRequest('process_exists', `process ${id} already exists`);
    }
    // A backend serves many sessions, and an id is unique in its session only.
    const ready = this.#backend.start({ ...params, processId: uniqueId(id) });
    const entry: Entry = { ready };
    this.#entries.set(id, entry);
    ready.catch(() => this.#entries.delete(id)); // a failed start frees the id; the error goes to whoever awaits `ready`
    const process = await ready;
    entry.process = process;
    if (this.#closed) {
      await process.terminate();
      return;
    }
    this.#forgetWhenDone(id, entry, process);
    answered(() => this.#push(id, entry, process, 0));
  }

  /** The process with this id, when it runs; undefined if there is none. Requests for one that is starting wait for it. */
  get(id: ProcessId): ExecProcess | Promise<ExecProcess> | undefined {
    const entry = this.#entries.get(id);
    return entry?.process ?? entry?.ready;
  }

  list(): [ProcessId, ExecProcess][] {
    return [...this.#entries].flatMap(([id, { process }]) => (process ? [[id, process]] : []));
  }

  /** Ends all processes and forgets them. Never rejects: a backend that is out of reach has told so by their events. */
  async close(): Promise<void> {
    this.#closed = true;
    this.detach();
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(
      entries.map(async (entry) => {
        clearTimeout(entry.forgetTimer);
        await entry.process?.terminate().catch(() => undefined);
        entry.process?.release();
      }),
    );
  }

  #push(id: ProcessId, entry: Entry, process: ExecProcess, afterSeq: number): void {
    const channel = this.#channel;
    if (!channel || this.#closed) return;
    entry.pushed?.close();
    entry.pushed = process.events({ afterSeq, holdBack: true });
    void pushEvents(asciiJson(id), entry.pushed, channel);
  }

  /** Retention counts from `closed`, not from the exit: a grandchild may go on writing for long. */
  #forgetWhenDone(id: ProcessId, entry: Entry, process: ExecProcess): void {
    void process.ended().then(() => {
      if (this.#closed) return;
      entry.forgetTimer = setTimeout(() => {
        // The id may have a new owner by now only if this entry is gone: the check is on the entry, not the name.
        if (this.#entries.get(id) === entry) this.#entries.delete(id);
        process.release();
      }, this.#retentionMs);
      entry.forgetTimer.unref();
    });
  }
}

function uniqueId(id: ProcessId): ProcessId {
  return processId(`${id}.${randomBytes(6).toString('hex')}`);
}

/** One sender per process: takes an event, sends it, and waits while the channel is full, which holds back the child. */
async function pushEvents(idJson: string, events: Subscription, channel: Channel): Promise<void> {
  while (!events.ended) {
    const event = events.take();
    if (!event) {
      await events.ready();
      continue;
    }
    if (event.type === 'failed') {
      for (const frame of lostFrames(idJson, events.position, event.error)) channel.send(frame, 'latin1');
      return;
    }
    const frame = eventFrame(idJson, event);
    if (frame) channel.send(frame, 'latin1');
    const drained = channel.drained();
    if (drained) await drained;
  }
}
