import { asciiJson, encodeNotification } from '../protocol/envelope.js';
import type { WireError } from '../protocol/errors.js';

/** The notification for a piece of a body, as ASCII text built by hand like those of processes. `idJson` is ASCII JSON. */
export function bodyDeltaFrame(idJson: string, seq: number, piece: Buffer): string {
  return `{"method":"http/request/bodyDelta","params":{"requestId":${idJson},"seq":${seq},"deltaBase64":"${piece.toString('base64')}","done":false,"error":null}}`;
}

/** What real servers say whenever a body does not come to its end; clients may match on it. Why, is in `errorData`, for those who ask. */
const BODY_FAILED = 'error decoding response body';

/** The last of a body: it is whole, or `error` tells why it is not. */
export function bodyEndFrame(
  requestId: string,
  seq: number,
  { error, details = false }: { error?: WireError; details?: boolean } = {},
): string {
  if (error) {
    const { message, data } = error;
    return encodeNotification('http/request/bodyDelta', {
      requestId,
      seq,
      deltaBase64: '',
      done: true,
      error: error.kind === 'http_failed' ? BODY_FAILED : message,
      ...(details ? { errorData: { ...data, message } } : {}),
    });
  }
  return `{"method":"http/request/bodyDelta","params":{"requestId":${asciiJson(requestId)},"seq":${seq},"deltaBase64":"","done":true,"error":null}}`;
}
