import { BlockList, isIP } from 'node:net';
import { hostOf, portOf } from './check-url.js';

/**
 * Whether NO_PROXY names a target: a list, parted by commas or blanks, of `*`, hosts (with all that is below them; a
 * leading dot changes nothing), addresses and CIDR ranges, each with an optional port.
 */
export function bypassesProxy(target: URL, noProxy: string): boolean {
  const host = hostOf(target).replace(/\.$/, '');
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && (entry === '*' || names(entry, host, portOf(target))));
}

function names(entry: string, host: string, port: number): boolean {
  const { pattern, port: onlyPort } = splitPort(entry);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const family = isIP(host);
  if (family === 0) return isBelow(host, pattern.replace(/^\*?\./, '').replace(/\.$/, ''));
  return isWithin(host, family === 6 ? 'ipv6' : 'ipv4', pattern);
}

function isBelow(host: string, domain: string): boolean {
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

function isWithin(address: string, family: 'ipv4' | 'ipv6', range: string): boolean {
  const [network = '', prefix] = range.split('/');
  const bits = family === 'ipv4' ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (isIP(network) !== (family === 'ipv4' ? 4 : 6) || !(length >= 0 && length <= bits) || prefix === '') return false;
  const list = new BlockList();
  list.addSubnet(network, length, family);
  return list.check(address, family);
}

function splitPort(entry: string): { pattern: string; port: number | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry);
  const plain = /^([^:]*):(\d+)$/.exec(entry);
  const [, pattern = entry, port] = bracketed ?? plain ?? [];
  return { pattern, port: port === undefined ? undefined : Number(port) };
}
