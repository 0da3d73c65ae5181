import { type ExecProcess, processId } from '../../process/types.js';
import { decodeBase64 } from '../../protocol/base64.js';
import { invalidParams, invalidRequest } from '../../protocol/errors.js';
import { formatPath, parsePath } from '../../protocol/paths.js';
import { parseSandbox } from '../../protocol/sandbox-parse.js';
import { parseSandboxPolicy } from '../../protocol/sandbox-policy.js';
import type { Handlers, RequestContext } from '../handlers.js';

/** `process/*`: a thin adapter from the wire to the session's processes. */
export const processHandlers = {
  async 'process/start'(params, { session, afterAnswer }) {
    const cwd = parsePath(params.cwd);
    if (params.sandbox != null && params.sandboxPolicy != null) {
      throw invalidParams('`sandbox` and `sandboxPolicy` came together: expected at most one of them');
    }
    await session.processes.start(
      {
        processId: processId(params.processId),
        argv: params.argv as [string, ...string[]], // the schema has checked that there is one
        cwd,
        env: params.env,
        envPolicy: params.envPolicy ?? undefined,
        tty: params.tty,
        size: params.size ?? undefined,
        pipeStdin: params.pipeStdin,
        arg0: params.arg0 ?? undefined,
        timeoutMs: params.timeoutMs ?? undefined,
        sandbox: parseSandbox(params.sandbox) ?? parseSandboxPolicy(params.sandboxPolicy, cwd),
      },
      afterAnswer,
    );
    const started = await session.processes.get(processId(params.processId));
    const sandboxType = started?.info().sandboxType ?? undefined;
    return { processId: params.processId, ...(sandboxType === undefined ? {} : { sandboxType }) };
  },

  async 'process/read'(params, context) {
    const process = await known(params.processId, context);
    const result = await process.read({
      afterSeq: params.afterSeq ?? undefined,
      maxBytes: params.maxBytes ?? undefined,
      waitMs: params.waitMs ?? undefined,
      signal: context.signal,
    });
    const chunks = result.chunks.map(({ seq, stream, chunk }) => ({ seq, stream, chunk: chunk.toString('base64') }));
    return { ...result, chunks };
  },

  async 'process/write'(params, { session }) {
    const chunk = decodeBase64(params.chunk);
    const found = session.processes.get(processId(params.processId));
    if (!found) return { status: 'unknownProcess' };
    // No `await` for a process that runs: writes keep the order in which they came.
    const process = found instanceof Promise ? await found : found;
    return { status: await process.write(chunk, { writeId: params.writeId ?? undefined }) };
  },

  async 'process/signal'(params, { session }) {
    await (await session.processes.get(processId(params.processId)))?.signal(params.signal);
    return {};
  },

  async 'process/terminate'(params, { session }) {
    const process = await session.processes.get(processId(params.processId));
    return (await process?.terminate({ graceMs: params.graceMs ?? undefined })) ?? { running: false };
  },

  async 'process/resize'(params, context) {
    await (await known(params.processId, context)).resize(params.size);
    return {};
  },

  async 'process/closeStdin'(params, context) {
    await (await known(params.processId, context)).closeStdin();
    return {};
  },

  async 'process/list'(_params, { session }) {
    const processes = session.processes.list().map(([id, process]) => {
      const info = process.info();
      return { ...info, processId: id, argv: [...info.argv], cwd: formatPath(info.cwd, 'uri') };
    });
    return { processes };
  },
} satisfies Handlers;

async function known(id: string, { session }: RequestContext): Promise<ExecProcess> {
  const process = await session.processes.get(processId(id));
  if (!process) throw invalidRequest('unknown_process', `unknown process id ${id}`);
  return process;
}
