import type { IncomingMessage } from 'node:http';
import { RendezvousError } from './errors.js';
import { type HttpAnswer, jsonAnswer, textAnswer } from './http-answer.js';
import type { RegistryApi } from './registry-api.js';

interface Route {
  method: 'GET' | 'POST';
  path: RegExp;
  answer(api: RegistryApi, request: IncomingMessage, id: string): Promise<object>;
}

const routes: Route[] = [
  {
    method: 'POST',
    path: /^\/cloud\/executor\/([^/]+)\/register$/,
    answer: (api, request, id) => api.registerExecutor(request, id),
  },
  {
    method: 'POST',
    path: /^\/cloud\/environment\/([^/]+)\/direct\/register$/,
    answer: (api, request, id) => api.registerDirect(request, id),
  },
  {
    method: 'POST',
    path: /^\/cloud\/environment\/([^/]+)\/register$/,
    answer: async () => {
      throw new RendezvousError(
        'invalid_request',
        'the noise transport is not spoken here: start the executor with `--remote-transport direct --aws-sigv4`',
      );
    },
  },
  {
    method: 'POST',
    path: /^\/cloud\/environment\/([^/]+)\/connect$/,
    answer: (api, request, id) => api.connect(request, id),
  },
  {
    method: 'GET',
    path: /^\/cloud\/environment\/([^/]+)$/,
    answer: (api, request, id) => api.describe(request, id),
  },
  { method: 'GET', path: /^\/cloud\/environments$/, answer: (api, request) => api.list(request) },
];

/** Answers what is asked of the registry. Throws RendezvousError. */
export async function answerRequest(api: RegistryApi, request: IncomingMessage): Promise<HttpAnswer> {
  const path = pathOf(request);
  const there = routes.filter((route) => route.path.test(path));
  if (there.length === 0) return textAnswer(404, 'nothing here');
  const route = there.find(({ method }) => method === request.method);
  if (!route) {
    const allow = there.map(({ method }) => method).join(', ');
    return textAnswer(405, `expected ${allow}`, { allow });
  }
  const [, id = ''] = route.path.exec(path) ?? [];
  return jsonAnswer(200, await route.answer(api, request, decodeId(id)));
}

export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/\?.*$/s, '');
}

/** As it is where it cannot be decoded: then it is no id either. */
function decodeId(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
