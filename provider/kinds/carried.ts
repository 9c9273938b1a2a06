// What a network card carried before it went into a bridge: the host's addresses, its routes and two switches. It is kept in the card's
// Port row, so that it can be given back, and mended on the bridge.
import { NetplumbError } from "../errors";
import { CARRIES } from "../host/boot-hook";
import type { ColumnValue } from "../host/change";
import type { Link, Ovs, OvsPort, Route, Snapshot } from "../host/snapshot";
import { remembered } from "./columns";

export interface Carried {
	/** CIDRs in the kernel's order, each with the words that make it again. */
	addresses: { cidr: string; words: string[] }[];
	/** Without their device. */
	routes: Omit<Route, "dev">[];
	/** How the card treated ARP and IPv6, when that was changed. */
	switches?: { arpIgnore: string; ipv6Disabled: boolean };
}

const CARRIED = "external_ids:netplumb-carried";

/** The columns of the Port row of a card that carried something. */
export function carriedColumns(carried: Carried): Record<string, ColumnValue> {
	return { [CARRIED]: JSON.stringify(carried), [`external_ids:${CARRIES}`]: "true" };
}

export function carriedBy(port: OvsPort | undefined, hostName: string): Carried | undefined {
	return port && remembered<Carried>(port, CARRIED, hostName);
}

/** The addresses of the host that cards brought to this bridge. */
export function carriedTo(bridge: string, ovs: Ovs, hostName: string): string[] {
	const ports = Object.values(ovs.ports).filter((port) => port.bridge === bridge);
	return ports.flatMap((port) => carriedBy(port, hostName)?.addresses.map(({ cidr }) => cidr) ?? []);
}

/** What stands on the card now, beside what it brought earlier. Throws where something cannot be moved. */
export function collect(link: Link, known: Carried | undefined, userspace: boolean, snapshot: Snapshot): Carried {
	const refuse = (what: string, why: string) => {
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: uplinks: found ${what} on "${link.name}", expected one that can be moved: ${why}; set it statically first`,
		);
	};
	const addresses = link.addresses.map((cidr) => {
		const detail = link.details?.[cidr];
		if (detail?.bound !== undefined) refuse(`address ${cidr}`, detail.bound);
		return { cidr, words: detail?.words ?? [] };
	});
	const routes = routesOf(link.name, snapshot).map(({ dev, ...route }) => {
		if (route.bound !== undefined) refuse(`a route to ${route.to}`, route.bound);
		return route;
	});
	const fresh = <T>(ours: T[], more: T[], same: (a: T, b: T) => boolean) => [
		...ours,
		...more.filter((one) => !ours.some((other) => same(one, other))),
	];
	const carried: Carried = {
		addresses: fresh(known?.addresses ?? [], addresses, (a, b) => a.cidr === b.cidr),
		routes: fresh(known?.routes ?? [], routes, sameRoute),
	};
	const switches = known?.switches ?? (userspace ? switchesOf(link.name, snapshot) : undefined);
	return switches ? { ...carried, switches } : carried;
}

function switchesOf(name: string, snapshot: Snapshot): NonNullable<Carried["switches"]> {
	return {
		arpIgnore: snapshot.host.arpIgnore?.[name] ?? "0",
		ipv6Disabled: snapshot.host.ipv6Disabled[name] ?? false,
	};
}

/** The routes through a link that the kernel did not make by itself, in the order in which they can be written. */
export function routesOf(name: string, snapshot: Snapshot): Route[] {
	const routes = snapshot.host.routes.filter((route) => route.dev === name && route.protocol !== "kernel");
	return [...routes.filter(({ via }) => via === undefined), ...routes.filter(({ via }) => via !== undefined)];
}

export function sameRoute(a: Omit<Route, "dev">, b: Omit<Route, "dev">): boolean {
	return a.to === b.to && a.metric === b.metric && a.via === b.via && a.table === b.table;
}

/** The words for the same address on another link: a label names its link, and the address is known to be nobody else's. */
export function elsewhere(cidr: string, words: string[]): string[] {
	const at = words.indexOf("label");
	const rest = at < 0 ? words : [...words.slice(0, at), ...words.slice(at + 2)];
	return cidr.includes(":") && !rest.includes("nodad") ? [...rest, "nodad"] : rest;
}
