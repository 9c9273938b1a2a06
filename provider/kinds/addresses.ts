// What the kernel does to other addresses when one is deleted (inet_del_ifa in net/ipv4/devinet.c): the first IPv4 address of a
// subnet takes the other ones along, and an interface without IPv4 addresses loses its IPv4 routes.
import { type Cidr, type Ip, isAssignable, lastAddress, network, parseCidr } from "../../sdk/addressing/index";
import type { Link, Route } from "../host/snapshot";
import type { Complain } from "../validate/index";

const isV4 = (text: string) => !text.includes(":");

function subnetOf(cidr: string): string {
	const { value, prefix } = network(parseCidr(cidr)!);
	return `${value}/${prefix}`;
}

/** Of the addresses on the link, those to delete: the first of a subnet last, because it takes the other ones along. */
export function toDelete(link: Link | undefined, condemned: (address: string) => boolean): string[] {
	return (link?.addresses ?? []).filter(condemned).reverse();
}

/** The addresses that stay and share a subnet with a deleted one: to be written again. */
export function toWriteAgain(link: Link | undefined, gone: readonly string[]): string[] {
	const subnets = new Set(gone.filter(isV4).map(subnetOf));
	return (link?.addresses ?? []).filter((address) => isV4(address) && !gone.includes(address) && subnets.has(subnetOf(address)));
}

/** The routes of others through the link that may be lost with the addresses: to be written again. */
export function routesToWriteAgain(link: Link, gone: readonly string[], routes: readonly Route[]): Route[] {
	const someStay = link.addresses.some((address) => isV4(address) && !gone.includes(address));
	if (!gone.some(isV4) || !someStay) return [];
	return routes.filter((route) => route.dev === link.name && isV4(route.to) && route.protocol !== "kernel");
}

/** Below it the kernel has no IPv6 on an interface: it drops the addresses that are there and takes none (RFC 8200, section 5). */
export const LEAST_IPV6_MTU = 1280;

/** True for the address of the subnet itself, and in IPv4 for its broadcast address; point-to-point subnets have neither. */
export function namesSubnet(ip: Ip, subnet: Cidr): boolean {
	const wide = subnet.family === 4 ? subnet.prefix <= 30 : subnet.prefix <= 126;
	return wide && (ip.value === network(subnet).value || (subnet.family === 4 && ip.value === lastAddress(subnet).value));
}

/** The rule for declared addresses: each once, and each one that an interface can have. */
export function hostAddresses(addresses: readonly string[], complain: Complain): void {
	addresses.forEach((text, index) => {
		const address = parseCidr(text)!;
		const same = addresses.findIndex((other) => other.split("/")[0] === text.split("/")[0]);
		const at = `addresses[${index}]`;
		if (!isAssignable(address)) complain(at, text, "an address that an interface can have", "choose one inside the subnet");
		// In IPv6 the kernel makes the prefix a route: this one would be the way to everywhere.
		else if (address.prefix === 0) complain(at, text, "the prefix length of its network", "write it, as in /24 or /64");
		else if (same < index) complain(at, text, "every address once", `remove it: addresses[${same}] has it too`);
		else if (namesSubnet(address, address)) {
			const first = address.value === network(address).value;
			const way = first
				? "this one names the subnet itself: choose the next one"
				: "this one is the subnet's broadcast address: choose the one before";
			complain(at, text, "a host's address", way);
		}
	});
}
