import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyText } from '../../test/harness/any-text.js';
import { decodeBase64 } from './base64.js';
import { decodeMessage, encodeNotification, encodeRequest, encodeResult } from './envelope.js';
import { WireError } from './errors.js';
import { type MethodName, methods } from './methods.js';
import { PathError, parsePath } from './paths.js';
import { validateParams } from './validate.js';

const RUNS = { numRuns: 2_000 };

/** Text as it may come off a wire: noise, JSON, and JSON that has been damaged. */
const wireText = fc.oneof(
  anyText,
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('utf8')),
  fc.json(),
  fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 3 })).map(([json, at, noise]) => {
    const i = at % (json.length + 1);
    return json.slice(0, i) + noise + json.slice(i + 1);
  }),
  fc
    .record(
      { id: fc.jsonValue(), method: fc.jsonValue(), params: fc.jsonValue(), error: fc.jsonValue() },
      { requiredKeys: [] },
    )
    .map((message) => JSON.stringify(message)),
);

/** What does throw must be the given error and nothing else, least of all a TypeError. */
function throwsOnly(errorClass: new (...args: never[]) => Error, action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(errorClass);
  }
}

test('decoding a message never throws', () => {
  fc.assert(
    fc.property(wireText, (text) => {
      const { type } = decodeMessage(text);
      expect(['request', 'notification', 'response', 'error', 'invalid']).toContain(type);
    }),
    RUNS,
  );
});

test('what is no JSON is never taken for a message', () => {
  fc.assert(
    fc.property(wireText, (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      if (!isJson) expect(decodeMessage(text).type).toBe('invalid');
    }),
    RUNS,
  );
});

test('what we encode is what is decoded', () => {
  const id = fc.oneof(
    fc.string().filter((s) => s.isWellFormed()),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  );
  const normal = (i: string | number | bigint) =>
    typeof i === 'bigint' && Number.isSafeInteger(Number(i)) ? Number(i) : i;
  // `-0` has no JSON.
  const value = fc.jsonValue().map((v) => JSON.parse(JSON.stringify(v)) as unknown);
  fc.assert(
    fc.property(id, fc.string(), value, (anyId, method, params) => {
      expect(decodeMessage(encodeRequest(anyId, method, params))).toEqual({
        type: 'request',
        id: normal(anyId),
        method,
        params,
      });
      expect(decodeMessage(encodeResult(anyId, params))).toEqual({
        type: 'response',
        id: normal(anyId),
        result: params,
      });
      expect(decodeMessage(encodeNotification(method, params))).toEqual({ type: 'notification', method, params });
    }),
  );
});

test('validating params throws wire errors only, whatever they are', () => {
  const method = fc.constantFrom(...(Object.keys(methods) as MethodName[]));
  const names = [
    'processId',
    'argv',
    'cwd',
    'env',
    'tty',
    'path',
    'chunk',
    'size',
    'envPolicy',
    'sandbox',
    'url',
    'method',
  ];
  const params = fc.oneof(
    fc.jsonValue(),
    fc.array(fc.jsonValue()),
    fc.dictionary(
      fc.constantFrom(...names),
      fc.oneof(fc.jsonValue(), fc.constant('/a'), fc.constant(['x']), fc.constant({})),
    ),
  );
  fc.assert(
    fc.property(method, params, (name, value) => throwsOnly(WireError, () => validateParams(name, value))),
    RUNS,
  );
});

test('parsing a path throws path errors only, whatever it is', () => {
  const path = fc.oneof(
    anyText,
    fc.string().map((s) => `file://${s}`),
    fc
      .string({ unit: fc.constantFrom('%', '2', 'f', 'F', '0', '/', '.', 'é', '\0', '#', '?') })
      .map((s) => `file:///${s}`),
  );
  fc.assert(
    fc.property(path, (text) => {
      throwsOnly(PathError, () => {
        const parsed = parsePath(text);
        expect(parsed).toMatch(/^\//);
        expect(parsed).not.toContain('\0');
        expect(parsed.split('/').slice(1)).not.toContain('..');
      });
    }),
    RUNS,
  );
});

test('decoding base64 throws wire errors only, whatever it is', () => {
  fc.assert(
    fc.property(anyText, (text) => throwsOnly(WireError, () => decodeBase64(text))),
    RUNS,
  );
});
