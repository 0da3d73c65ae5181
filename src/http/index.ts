export { createFetch, type Fetch } from './fetch.js';
export { MAX_BUFFERED_BODY_BYTES } from './limits.js';
export { LocalHttpClient, type LocalHttpClientOptions } from './local/local-http-client.js';
export { asPeersSend } from './peer-headers.js';
export { readWhole } from './read-whole.js';
export type {
  HttpClient,
  HttpFailureReason,
  HttpHeader,
  HttpPhase,
  HttpRequest,
  HttpRequestHeader,
  HttpRequestOptions,
  HttpResponse,
  HttpResponseHead,
  HttpStreamResponse,
  RedirectPolicy,
} from './types.js';
