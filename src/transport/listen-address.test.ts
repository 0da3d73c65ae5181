import { describe, expect, test } from 'vitest';
import { formatWebSocketUrl, isLoopback, ListenAddressError, parseListenAddress } from './listen-address.js';

describe('what can be listened on', () => {
  test.each([
    ['ws://127.0.0.1:0', { kind: 'websocket', host: '127.0.0.1', port: 0 }],
    ['ws://127.0.0.1:65535/', { kind: 'websocket', host: '127.0.0.1', port: 65_535 }],
    ['ws://[::1]:8080', { kind: 'websocket', host: '::1', port: 8080 }],
    ['unix:///run/exec.sock', { kind: 'unix', path: '/run/exec.sock' }],
    ['stdio', { kind: 'stdio' }],
    ['stdio://', { kind: 'stdio' }],
  ])('%s', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  test.each([
    'ws://localhost:0',
    'ws://127.0.0.1',
    'ws://127.0.0.1:0/path',
    'ws://127.0.0.1:65536',
    'ws://127.0.0.1:-1',
    'ws://::1:0',
    'ws://[127.0.0.1]:0',
    'ws://[::1]',
    'ws://1.2.3:0',
    'ws://',
    'ws://user@127.0.0.1:0',
  ])('not %s', (text) => {
    expect(() => parseListenAddress(text)).toThrow(ListenAddressError);
    expect(() => parseListenAddress(text)).toThrow(
      `invalid websocket --listen URL \`${text}\`; expected \`ws://IP:PORT\``,
    );
  });

  test.each([
    '',
    'http://127.0.0.1:0',
    'wss://127.0.0.1:0',
    '127.0.0.1:0',
    'WS://127.0.0.1:0',
    'stdio:',
  ])('not %s', (text) => {
    expect(() => parseListenAddress(text)).toThrow(`unsupported --listen URL \`${text}\``);
  });

  test('not a relative unix path', () => {
    expect(() => parseListenAddress('unix://run/x')).toThrow(/expected `unix:\/\/\/absolute\/path`/);
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['128.0.0.1', false],
  ['127.example.com', false],
])('%s can be reached from this machine only: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

test('a URL is printed as it is parsed', () => {
  expect(formatWebSocketUrl('::1', 80)).toBe('ws://[::1]:80');
  expect(formatWebSocketUrl('127.0.0.1', 80)).toBe('ws://127.0.0.1:80');
});
