import { describe, expect, test } from 'vitest';
import { asciiJson, decodeMessage, encodeError, encodeNotification, encodeRequest, encodeResult } from './envelope.js';

const invalid = (reason: string | RegExp) => ({ type: 'invalid', reason: expect.stringMatching(reason) });

describe('what a message is', () => {
  test.each([
    ['a request', '{"id":1,"method":"m","params":{"a":1}}', { type: 'request', id: 1, method: 'm', params: { a: 1 } }],
    [
      'a request without params',
      '{"id":"x","method":"m"}',
      { type: 'request', id: 'x', method: 'm', params: undefined },
    ],
    ['a notification', '{"method":"m","params":[]}', { type: 'notification', method: 'm', params: [] }],
    ['a result', '{"id":1,"result":null}', { type: 'response', id: 1, result: null }],
    [
      'an error',
      '{"id":1,"error":{"code":-1,"message":"no"}}',
      { type: 'error', id: 1, error: { code: -1, message: 'no' } },
    ],
    ['surrounded by white space', ' \r\n{"method":"m"}\r', { type: 'notification', method: 'm', params: undefined }],
  ])('%s', (_name, text, expected) => {
    expect(decodeMessage(text)).toEqual(expected);
  });

  test.each([
    ['"jsonrpc":"2.0",'],
    ['"jsonrpc":"1.0",'],
    ['"jsonrpc":null,'],
    ['"unknown":{"deep":[1]},'],
  ])('the field %s changes nothing', (field) => {
    expect(decodeMessage(`{${field}"id":1,"method":"m"}`)).toMatchObject({ type: 'request', id: 1 });
  });

  test.each([
    ['not JSON', '{not json', /./],
    ['nothing', '', /./],
    ['something after the message', '{"id":1,"method":"m"} {}', /./],
    ['a batch', '[{"id":1,"method":"m"}]', /batch/],
    ['an empty batch', '[]', /batch/],
    ['a positional array', '[7,"probe/none",null,null]', /batch/],
    ['a number', '5', /object/],
    ['a string', '"initialize"', /object/],
    ['null', 'null', /object/],
    ['an empty object', '{}', /neither/],
    ['an id alone', '{"id":1}', /error/],
    ['a method that is no string', '{"id":1,"method":5}', /`method` must be a string/],
    ['a method that is null', '{"id":1,"method":null}', /`method` must be a string/],
    ['an error without a message', '{"id":1,"error":{"code":1}}', /error/],
    ['an error whose code is no number', '{"id":1,"error":{"code":"1","message":"no"}}', /error/],
    ['a result without an id', '{"result":1}', /neither/],
  ])('%s is no message, and says why', (_name, text, reason) => {
    expect(decodeMessage(text)).toEqual(invalid(reason));
  });
});

describe('ids', () => {
  test.each([
    ['"a"', 'a'],
    ['""', ''],
    ['"12"', '12'],
    ['"\\u00e9"', 'é'],
    ['0', 0],
    ['-7', -7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
  ])('%s is read, and echoed as it came', (wire, id) => {
    const message = decodeMessage(`{"id": ${wire} ,"method":"m"}`);
    expect(message).toMatchObject({ type: 'request', id });
    if (message.type !== 'request') return;
    const plain = wire.replace('\\u00e9', 'é');
    expect(encodeResult(message.id, {})).toBe(`{"id":${plain},"result":{}}`);
    expect(encodeError(message.id, { code: 1, message: 'no' })).toBe(
      `{"id":${plain},"error":{"code":1,"message":"no"}}`,
    );
  });

  test.each([
    'null',
    'true',
    '{}',
    '[]',
    '[1]',
    '{"id":1}',
    '1.5',
    '1.0',
    '1e2',
    '-0',
    '9223372036854775808',
    '-9223372036854775809',
  ])('a request with the id %s is invalid', (id) => {
    expect(decodeMessage(`{"id":${id},"method":"m"}`)).toEqual(invalid(/`id` must be a string or a 64-bit integer/));
    expect(decodeMessage(`{"method":"m","id":${id}}`)).toEqual(invalid(/`id` must be/));
  });

  test.each(['null', '1.5', '9223372036854775808'])('a response with the id %s is invalid', (id) => {
    expect(decodeMessage(`{"id":${id},"result":1}`)).toEqual(invalid(/id/));
  });

  test('an `id` inside the params is not the id of the message', () => {
    const text = '{"params":{"id":9007199254740993,"more":[{"id":7}]},"id":5,"method":"m","extra":{"id":1.5}}';
    expect(decodeMessage(text)).toMatchObject({ type: 'request', id: 5 });
  });
});

describe('what we send', () => {
  test('carries no jsonrpc field, and null for what is undefined', () => {
    expect(encodeRequest(1, 'm', undefined)).toBe('{"id":1,"method":"m","params":null}');
    expect(encodeNotification('m', { a: 'ü' })).toBe('{"method":"m","params":{"a":"ü"}}');
    expect(encodeResult('x', undefined)).toBe('{"id":"x","result":null}');
  });

  test('as ASCII JSON is ASCII, and means the same', () => {
    const text = 'a"\\\u0000\u007f\u0080é€😀\ud800';
    const json = asciiJson(text);
    expect(json).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(json)).toBe(text);
  });
});
