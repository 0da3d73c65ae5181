import { describe, expect, test } from 'vitest';
import { isMethodName, type MethodName } from './methods.js';
import { validateParams, validateResult } from './validate.js';

const START = { processId: 'p', argv: ['true'], cwd: '/', env: {}, tty: false };

describe('positional params', () => {
  test('are read in the order of the real peers’ structs', () => {
    const params = validateParams('process/start', ['p', ['true'], '/', null, { A: 'b' }, false, true, 'zero']);
    expect(params).toMatchObject({ ...START, env: { A: 'b' }, pipeStdin: true, arg0: 'zero' });
  });

  test('may end early where the rest is optional', () => {
    expect(validateParams('process/read', ['p', 3])).toEqual({ processId: 'p', afterSeq: 3 });
    expect(validateParams('process/terminate', ['p'])).toEqual({ processId: 'p' });
  });

  test('that are missing are named', () => {
    expect(() => validateParams('process/terminate', [])).toThrow('missing field `processId`');
    expect(() => validateParams('process/write', ['p'])).toThrow('missing field `chunk`');
  });

  test('of the wrong type are named with what was expected', () => {
    expect(() => validateParams('process/terminate', [5])).toThrow(/`processId`: expected string, received number/);
    expect(() => validateParams('process/start', ['p', 'true', '/', null, {}, false])).toThrow(
      /`argv`: expected array/,
    );
  });

  test('that are too many are refused', () => {
    expect(() => validateParams('process/closeStdin', ['p', 1])).toThrow(/invalid length 2: expected at most 1/);
  });
});

describe('a refusal names the method, the field and what was expected', () => {
  test.each<[MethodName, unknown, RegExp]>([
    ['process/start', {}, /^invalid params of process\/start: missing field `processId`$/],
    ['process/start', null, /process\/start: expected object, received null/],
    ['process/start', undefined, /expected object/],
    ['process/start', 'str', /expected object, received string/],
    ['process/start', { ...START, processId: 5 }, /`processId`: expected string, received number/],
    ['process/start', { ...START, processId: null }, /`processId`: expected string, received null/],
    ['process/start', { ...START, argv: [] }, /`argv`: argv must not be empty/],
    ['process/start', { ...START, argv: ['a', 5] }, /`argv\.1`: expected string/],
    ['process/start', { ...START, env: { A: 5 } }, /`env\.A`: expected string/],
    [
      'process/start',
      { ...START, cwd: 'relative' },
      /`cwd`: path `relative` is relative: expected an absolute path or a file: URI/,
    ],
    ['process/start', { ...START, cwd: 'file://host/x' }, /`cwd`: .*host/],
    ['process/start', { ...START, tty: 'yes' }, /`tty`: expected boolean, received string/],
    ['process/start', { ...START, pipeStdin: null }, /`pipeStdin`: expected boolean, received null/],
    [
      'process/start',
      { ...START, envPolicy: { inherit: 'All' } },
      /`envPolicy\.inherit`: expected one of "core"\|"all"\|"none"/,
    ],
    ['process/start', { ...START, envPolicy: { inherit: 'all' } }, /missing field `envPolicy\.ignoreDefaultExcludes`/],
    ['process/start', { ...START, size: { cols: 0, rows: 24 } }, /`size\.cols`: .*>=1/],
    ['process/start', { ...START, size: { cols: 65_536, rows: 24 } }, /`size\.cols`: .*<=65535/],
    ['process/read', { processId: 'p', afterSeq: -1 }, /`afterSeq`: expected a non-negative integer/],
    ['process/read', { processId: 'p', waitMs: 1.5 }, /`waitMs`: expected a non-negative integer/],
    ['process/write', { processId: 'p' }, /missing field `chunk`/],
    ['process/write', { processId: 'p', chunk: '', writeId: '' }, /`writeId`: writeId must not be empty/],
    ['fs/readFile', { path: 'x' }, /`path`: /],
    ['fs/copy', { sourcePath: '/a', destinationPath: '/b' }, /missing field `recursive`/],
    ['initialize', {}, /missing field `clientName`/],
    ['http/request', { url: 'http://x', requestId: 'r' }, /missing field `method`/],
  ])('%s %o', (method, params, message) => {
    expect(() => validateParams(method, params)).toThrow(
      expect.objectContaining({ code: -32602, kind: 'invalid_params' }),
    );
    expect(() => validateParams(method, params)).toThrow(message);
  });
});

describe('what is accepted', () => {
  test('unknown fields, and null where a field may be absent', () => {
    const params = { processId: 'p', afterSeq: null, maxBytes: null, waitMs: null, future: { x: 1 } };
    expect(validateParams('process/read', params)).toMatchObject({ processId: 'p' });
  });

  test('u64::MAX, with which clients say "no limit"', () => {
    const params = JSON.parse('{"processId":"p","waitMs":18446744073709551615}');
    expect(validateParams('process/read', params).waitMs).toBe(2 ** 64);
  });

  test('both dialects of paths, as they came', () => {
    expect(validateParams('fs/readFile', { path: 'file:///a' }).path).toBe('file:///a');
    expect(validateParams('fs/readFile', { path: '/a' }).path).toBe('/a');
  });

  test.each([undefined, null, {}, [], 'x', 5])('%o as params of a method that takes none', (params) => {
    expect(() => validateParams('process/list', params)).not.toThrow();
    expect(() => validateParams('environment/info', params)).not.toThrow();
  });
});

test('names of methods are exact, and nothing that every object has is one', () => {
  expect(isMethodName('process/start')).toBe(true);
  for (const name of ['', 'Process/start', 'process/start ', 'toString', 'constructor', '__proto__']) {
    expect(isMethodName(name)).toBe(false);
  }
});

test('an answer that does not fit is the server’s fault, and says so', () => {
  expect(() => validateResult('process/write', { status: 'maybe' })).toThrow(
    expect.objectContaining({ kind: 'internal', message: expect.stringMatching(/answer to process\/write.*`status`/) }),
  );
  expect(validateResult('process/write', { status: 'accepted', more: 1 })).toEqual({ status: 'accepted', more: 1 });
});
