// What the kernel does to other addresses when one is deleted (inet_del_ifa in net/ipv4/devinet.c): the first IPv4 address of a
// subnet takes the other ones along, and an interface without IPv4 addresses loses its IPv4 routes.
import { network, parseCidr } from "../../sdk/addressing/index";
import type { Link, Route } from "../host/snapshot";

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
