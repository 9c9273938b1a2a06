// What an address is for. An IPv4 address inside IPv6 (`::ffff:127.0.0.1`) is judged as the IPv4 address that it is, so that
// no check is passed by a change of clothes.
import { type Cidr, contains, type Ip, parseCidr, unmapped } from "./ip";

function within(...ranges: string[]): (ip: Ip) => boolean {
	const parsed: Cidr[] = ranges.map((range) => parseCidr(range)!);
	return (ip) => parsed.some((range) => contains(range, unmapped(ip)));
}

/** 0.0.0.0 or ::, "no address". */
export const isUnspecified = within("0.0.0.0/32", "::/128");
/** 127.0.0.0/8 or ::1. */
export const isLoopback = within("127.0.0.0/8", "::1/128");
/** 169.254.0.0/16 or fe80::/10: valid on one link only. */
export const isLinkLocal = within("169.254.0.0/16", "fe80::/10");
/** 224.0.0.0/4 or ff00::/8: a group, never one interface's own address. */
export const isMulticast = within("224.0.0.0/4", "ff00::/8");
/** 255.255.255.255, the limited broadcast address. */
export const isLimitedBroadcast = within("255.255.255.255/32");

/** True for an address that one interface can have and others can reach. */
export function isAssignable(ip: Ip): boolean {
	return !isUnspecified(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLimitedBroadcast(ip);
}
