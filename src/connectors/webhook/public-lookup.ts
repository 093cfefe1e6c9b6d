/** Looks names up, and leads into no private network: an address in a setting must not reach what only we can reach. */
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
// All of IPv6 that is not global unicast; an IPv4 address written in it is looked at as what it is.
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6');
}

export function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** The host of an address as a number, without the brackets of IPv6; null where it is a name. */
export function numberIn(url: string): string | null {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? null : host;
}

/** For a socket: what it connects to is what was looked at, however often the name changes its meaning. */
export const publicLookup: LookupFunction = (
  hostname: string,
  options: LookupOptions,
  callback: (
    error: NodeJS.ErrnoException | null,
    address: string | LookupAddress[],
    family?: number,
  ) => void,
): void => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const found = error === null ? addresses.filter(({ address }) => !isPrivate(address)) : [];
    const [first] = found;
    if (error !== null || first === undefined) {
      const refusal: NodeJS.ErrnoException =
        error ??
        new Error(`${hostname} is in a private network: see HOLDFAST_WEBHOOK_ALLOW_PRIVATE`);
      // Whoever reads it asks whether the request can have been sent.
      refusal.syscall = 'getaddrinfo';
      callback(refusal, '');
    } else if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
};
