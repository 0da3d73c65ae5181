import { expect, test } from 'vitest';
import { asPeersSend } from './peer-headers.js';

test('repeats of a name stand together where its first stood, and what is not visible ASCII is left out', () => {
  const headers = [
    ['x-rep', 'one'],
    ['set-cookie', 'a=1'],
    ['x-rep', 'two'],
    ['x-empty', ''],
    ['x-latin', 'café'],
    ['set-cookie', 'b\t2'],
  ].map(([name = '', value = '']) => ({ name, value }));
  expect(asPeersSend(headers).map(({ name, value }) => `${name}=${value}`)).toEqual([
    'x-rep=one',
    'x-rep=two',
    'set-cookie=a=1',
    'set-cookie=b\t2',
    'x-empty=',
  ]);
});
