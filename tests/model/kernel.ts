// A model of one network namespace of Linux: what links, addresses, routes and switches do to each other. Checked against a real
// kernel (6.1): the primary address of a subnet takes its secondaries along, an interface that goes down loses its routes, an
// IPv6 route replaces one of the same destination and metric on any device.

import type { Link, Namespace, Route } from "../../provider/host/snapshot";
import { contains, formatCidr, network, parseCidr, parseIp } from "../../sdk/addressing/index";

/** What the kernel, or a tool, answers instead of doing it. */
export class Refused extends Error {}

export function refuse(reason: string): never {
	throw new Refused(reason);
}

const isV6 = (text: string) => text.includes(":");
const family = (cidr: string) => (isV6(cidr) ? 6 : 4);
const bare = (cidr: string) => cidr.split("/")[0]!;
const networkOf = (cidr: string) => formatCidr(network(parseCidr(cidr)!));

export function linkIn(namespace: Namespace, name: string): Link {
	return namespace.links[name] ?? refuse(`Cannot find device "${name}"`);
}

/** The route that the kernel makes for an address, if it makes one. */
function connected(cidr: string, dev: string): Route | undefined {
	if (!isV6(cidr) && cidr.endsWith("/32")) return undefined;
	const base = { to: networkOf(cidr), dev, protocol: "kernel", onlink: false };
	return isV6(cidr) ? { ...base, metric: 256 } : { ...base, metric: 0, source: bare(cidr) };
}

function connect(namespace: Namespace, link: Link, cidr: string): void {
	const route = link.up ? connected(cidr, link.name) : undefined;
	if (!route) return;
	const same = (other: Route) => other.to === route.to && other.dev === route.dev && other.protocol === "kernel";
	if (!namespace.routes.some(same)) namespace.routes.push(route);
}

/** With IPv6 off, or below its least MTU (RFC 8200, 5), an interface has none. */
export function hasIpv6(namespace: Namespace, link: Link): boolean {
	return link.mtu >= 1280 && namespace.ipv6Disabled[link.name] !== true;
}

export function addAddress(namespace: Namespace, dev: string, cidr: string): void {
	const link = linkIn(namespace, dev);
	if (link.addresses.includes(cidr)) return;
	if (isV6(cidr) && !hasIpv6(namespace, link)) refuse(`${dev}: IPv6 is disabled on this device`);
	link.addresses.push(cidr);
	connect(namespace, link, cidr);
}

export function deleteAddress(namespace: Namespace, dev: string, cidr: string): void {
	const link = linkIn(namespace, dev);
	if (!link.addresses.includes(cidr)) refuse(`${dev}: Cannot assign requested address (${cidr})`);
	const subnet = link.addresses.filter((other) => networkOf(other) === networkOf(cidr));
	const gone = !isV6(cidr) && subnet[0] === cidr ? subnet : [cidr];
	link.addresses = link.addresses.filter((other) => !gone.includes(other));
	namespace.routes = namespace.routes.filter((route) => {
		if (route.source !== undefined && gone.some((address) => bare(address) === route.source)) return false;
		if (route.dev !== dev) return true;
		if (route.protocol === "kernel" && route.to === networkOf(cidr))
			return link.addresses.some((other) => networkOf(other) === route.to);
		return true;
	});
	const noneLeft = !link.addresses.some((other) => !isV6(other));
	if (!isV6(cidr) && noneLeft) namespace.routes = namespace.routes.filter((route) => route.dev !== dev || isV6(route.to));
}

export function addRoute(namespace: Namespace, route: Route): void {
	const link = linkIn(namespace, route.dev);
	if (!link.up) refuse(`${route.dev}: Network is down`);
	if (isV6(route.to) && !hasIpv6(namespace, link)) refuse(`${route.dev}: IPv6 is disabled on this device`);
	if (!isV6(route.to) && !link.addresses.some((address) => !isV6(address)) && route.via !== undefined && !route.onlink)
		refuse("Nexthop has invalid gateway.");
	if (networkOf(route.to) !== route.to) refuse("Invalid prefix for given prefix length.");
	if (route.via !== undefined && !route.onlink && !/^fe80:/.test(route.via)) {
		const hop = parseIp(route.via)!;
		const reachable = namespace.routes.some(
			(other) => other.via === undefined && other.dev === route.dev && contains(parseCidr(other.to)!, hop),
		);
		if (!reachable) refuse(`Nexthop has invalid gateway (${route.via}).`);
	}
	// IPv6 keeps routes with and without a gateway apart (rt6_qualify_for_ecmp); IPv4 does not.
	const replaced = namespace.routes.findIndex(
		(other) =>
			other.to === route.to &&
			other.metric === route.metric &&
			(!isV6(route.to) || (other.via === undefined) === (route.via === undefined)),
	);
	if (replaced < 0) namespace.routes.push({ ...route });
	else namespace.routes[replaced] = { ...route };
}

export function deleteRoute(namespace: Namespace, route: Route): void {
	const index = namespace.routes.findIndex(
		(other) =>
			other.to === route.to &&
			other.metric === route.metric &&
			other.dev === route.dev &&
			other.protocol === route.protocol &&
			(route.via === undefined || other.via === route.via),
	);
	if (index < 0) refuse(`No such process (${route.to} metric ${route.metric} dev ${route.dev})`);
	namespace.routes.splice(index, 1);
}

export function setUp(namespace: Namespace, link: Link, up: boolean): void {
	if (link.up === up) return;
	link.up = up;
	if (up) for (const cidr of link.addresses) connect(namespace, link, cidr);
	else {
		namespace.routes = namespace.routes.filter((route) => route.dev !== link.name);
		link.addresses = link.addresses.filter((cidr) => family(cidr) === 4);
	}
}

export function setIpv6Disabled(namespace: Namespace, dev: string, disabled: boolean): void {
	const link = linkIn(namespace, dev);
	namespace.ipv6Disabled[dev] = disabled;
	if (!disabled) return;
	link.addresses = link.addresses.filter((cidr) => family(cidr) === 4);
	namespace.routes = namespace.routes.filter((route) => route.dev !== dev || !isV6(route.to));
}

export function dropLink(namespace: Namespace, name: string): void {
	delete namespace.links[name];
	delete namespace.ipv6Disabled[name];
	namespace.routes = namespace.routes.filter((route) => route.dev !== name);
	for (const link of Object.values(namespace.links)) if (link.master === name) delete link.master;
}
