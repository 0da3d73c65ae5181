import { asPeersSend } from '../../http/peer-headers.js';
import type { HttpClient, HttpRequest, HttpResponseHead } from '../../http/types.js';
import { decodeBase64 } from '../../protocol/base64.js';
import { invalidParams } from '../../protocol/errors.js';
import { MAX_BODY_DELTA_BYTES } from '../../protocol/limits.js';
import type { ParamsOf } from '../../protocol/methods.js';
import type { Handlers } from '../handlers.js';
import { UploadQueue } from '../upload-queue.js';

/** `http/*`: a thin adapter from the wire to an HTTP client. Requests, and the bodies of their answers, end with the connection. */
export function httpHandlers(http: HttpClient) {
  return {
    async 'http/request'(params, { exchanges, channel, afterAnswer }) {
      const { requestId, streamResponse: streamed } = params;
      const upload = params.streamRequest ? uploadOf(params) : undefined;
      const request = requestOf(params, upload);
      const timeoutMs = timeoutOf(params);
      const exchange = exchanges.begin({
        requestId,
        streamed,
        creditBytes: params.creditBytes ?? undefined,
        upload,
        details: params.details ?? false,
      });
      const { signal } = exchange;
      try {
        if (!streamed) {
          const response = await http.request(request, { signal, timeoutMs });
          exchanges.end(exchange);
          return { ...headOf(response, params), bodyBase64: response.body.toString('base64') };
        }
        const response = await http.stream(request, { signal, timeoutMs });
        afterAnswer(() => void exchange.sendBody(response, channel, () => exchanges.end(exchange)));
        return { ...headOf(response, params), bodyBase64: '' };
      } catch (error) {
        exchanges.end(exchange);
        throw error;
      }
    },

    async 'http/request/cancel'({ requestId }, { exchanges }) {
      exchanges.cancel(requestId);
      return {};
    },

    async 'http/request/credit'({ requestId, bytes }, { exchanges }) {
      exchanges.stream(requestId)?.credit.add(bytes);
      return {};
    },

    async 'http/request/bodyChunk'({ requestId, seq, deltaBase64, done }, { exchanges }) {
      const chunk = decodeBase64(deltaBase64);
      if (chunk.length > MAX_BODY_DELTA_BYTES) {
        throw invalidParams(
          `http/request/bodyChunk of ${chunk.length} bytes: expected at most ${MAX_BODY_DELTA_BYTES}`,
        );
      }
      const exchange = exchanges.stream(requestId);
      if (exchange && !exchange.upload) {
        throw invalidParams(`http/request/bodyChunk: request \`${requestId}\` did not ask for streamRequest`);
      }
      return { accepted: (await exchange?.upload?.add(seq, chunk, done)) ?? false };
    },
  } satisfies Handlers;
}

type RequestParams = ParamsOf<'http/request'>;

function requestOf(params: RequestParams, upload: UploadQueue | undefined): HttpRequest {
  const { method, url, bodyBase64, redirectPolicy } = params;
  return {
    method,
    url,
    headers: params.headers.map(({ name, value, valueEnvVar }) => ({
      name,
      value,
      valueEnvVar: valueEnvVar ?? undefined,
    })),
    body: upload ?? (bodyBase64 == null ? undefined : decodeBase64(bodyBase64)),
    redirectPolicy,
  };
}

function uploadOf({ url, bodyBase64, streamResponse }: RequestParams): UploadQueue {
  if (bodyBase64 != null) throw invalidParams('http/request has bodyBase64 and streamRequest: expected one of them');
  if (!streamResponse) throw invalidParams('http/request streamRequest needs streamResponse');
  return new UploadQueue(url);
}

function timeoutOf({ timeoutMs }: RequestParams): number | undefined {
  if (timeoutMs !== 0) return timeoutMs ?? undefined;
  throw invalidParams('http/request timeoutMs must be at least 1, got 0; leave it out for no limit');
}

function headOf({ status, statusText, headers }: HttpResponseHead, { details }: RequestParams): HttpResponseHead {
  return { status, statusText, headers: details ? headers : asPeersSend(headers) };
}
