import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addCloudOptions, type CloudFlags, readCloudFlags } from './serve-cloud.js';
import { UsageError } from './usage-error.js';

const BASE = ['--cloud', '--cloud-base-url', 'http://127.0.0.1:1'];
const CLOUD = [...BASE, '--cloud-environment-id', 'x'];

function read(args: readonly string[]) {
  const command = addCloudOptions(new Command()).exitOverride();
  return readCloudFlags(command.parse(args, { from: 'user' }).opts<CloudFlags>());
}

test('without a word of the cloud it is not in it', async () => {
  expect(await read([])).toBeUndefined();
});

test.each([
  [BASE, /expected --cloud-environment-id/],
  [['--cloud', '--executor-id', 'x'], /expected --cloud-base-url/],
  [['--cloud', '--cloud-base-url', 'http://h.example', '--executor-id', 'x'], /--cloud-base-url: .*https/],
  [['--remote', 'ftp://h.example', '--executor-id', 'x'], /--cloud-base-url: .*https/],
  [[...CLOUD, '--executor-id', 'y'], /--cloud-environment-id and --executor-id are the same option: got two values/],
  [[...BASE, '--executor-id', 'a b'], /--cloud-environment-id: .*got `a b`/],
  [['--cloud-name', 'x'], /go with --cloud/],
  [['--executor-id', 'x'], /go with --cloud/],
  [['--registration-bearer-stdin'], /go with --cloud/],
  [[...CLOUD, '--cloud-label', 'x'], /--cloud-label: expected NAME=VALUE, got `x`/],
  [[...CLOUD, '--cloud-label', `x=${'v'.repeat(257)}`], /--cloud-label: expected names/],
  [[...CLOUD, '--cloud-contract', 'x'], /--cloud-contract: expected auto, executor or direct, got `x`/],
  [[...CLOUD, '--cloud-contract', 'executor', '--remote-transport', 'direct'], /are the same option/],
  [[...CLOUD, '--remote-transport', 'noise'], /--remote-transport: noise is not spoken here; expected `direct`/],
  [[...CLOUD, '--remote-transport', 'x'], /--remote-transport: expected `direct`, got `x`/],
  [[...CLOUD, '--registration-bearer-stdin', '--registration-bearer-file', 'f'], /expected one of/],
])('%j is refused', async (args, expected) => {
  const reading = read(args);
  await expect(reading).rejects.toThrow(UsageError);
  await expect(reading).rejects.toThrow(expected);
});
