import type { HttpHeader } from './types.js';

/**
 * Response headers as the real peers put them on the wire: repeats of a name stand together where its first stood, and
 * values that are not visible ASCII are left out.
 */
export function asPeersSend(headers: readonly HttpHeader[]): HttpHeader[] {
  const byName = new Map<string, HttpHeader[]>();
  for (const header of headers) {
    if (!VISIBLE_ASCII.test(header.value)) continue;
    const group = byName.get(header.name);
    if (group) group.push(header);
    else byName.set(header.name, [header]);
  }
  return [...byName.values()].flat();
}

const VISIBLE_ASCII = /^[\t\x20-\x7e]*$/;
