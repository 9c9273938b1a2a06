// StaticRoute: a route of the host to a network behind a neighbour, and leave to forward between that network and one of its own.
// Sources: ip-route(8); ip-sysctl.rst (ip_forward); the filter table of Docker (docs.docker.com, "Packet filtering and firewalls").
import {
	contains,
	formatCidr,
	isAssignable,
	isLinkLocal,
	network,
	overlaps,
	parseCidr,
	parseIp,
} from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import { HOST, type Operation } from "../host/change";
import { elementMark } from "../host/marks";
import { elementsOf } from "../host/owned";
import { ROUTE_PROTOCOL } from "../host/render";
import type { Path, Route, Snapshot } from "../host/snapshot";
import { cidr, type Infer, ip, object, rule } from "../validate/index";
import { firewallOf, hasElements, planElements } from "./elements";
import { type Kind, operation, type Wish } from "./kind";
import { familyOf } from "./publish-elements";

const shape = object({ from: cidr, to: cidr, via: ip() });

const networks = rule(shape, ["from", "to"], ({ from, to }, complain) => {
	for (const [input, text] of Object.entries({ from, to })) {
		const plain = formatCidr(network(parseCidr(text)!));
		if (plain !== text) complain(input, text, "a network, with no bits set behind its prefix", `write it as ${plain}`);
	}
	if (overlaps(parseCidr(from)!, parseCidr(to)!))
		complain("to", to, `a network that shares no address with ${from}`, "correct one of the two");
});

export const staticRouteSchema = rule(networks, ["from", "to", "via"], ({ from, to, via }, complain) => {
	const hop = parseIp(via)!;
	if (!isAssignable(hop) || (hop.family === 6 && isLinkLocal(hop)))
		complain("via", via, "an address that a neighbour can have, and not a link-local one", "write the neighbour's address");
	else if (contains(parseCidr(to)!, hop)) complain("via", via, `an address outside of ${to}`, "write the neighbour's address");
	for (const [input, text] of Object.entries({ from, to }))
		if (familyOf(text) !== hop.family) complain(input, text, `an IPv${hop.family} network, as via is`, "correct one of the two");
});

export type StaticRouteArgs = Infer<typeof staticRouteSchema>;

export const staticRoute: Kind<StaticRouteArgs> = {
	name: "StaticRoute",
	schema: staticRouteSchema,
	outputs: [],
	replace: ["to"],
	facts: ["firewall"],
	volatile: true,
	complete: (args) => args,
	physicalName: ({ from, to }) => `${from}-${to}`,
	containers: () => [],
	destinations: ({ to, via }) => [via, to],
	plan: (wish, snapshot) => (wish.wanted ? planRoute(wish, wish.wanted, snapshot) : planRemoval(wish, snapshot)),
	// A route that is missing, or leads elsewhere, shows as drift.
	observe: (args) => ({ args, outputs: {} }),
	exists: hasElements,
};

function planRoute(wish: Wish<StaticRouteArgs>, args: StaticRouteArgs, snapshot: Snapshot): Operation[] {
	const { from, to, via } = args;
	const where = `host ${snapshot.hostName}:`;
	const path = neighbour(args, snapshot);
	refuseForwardingOff(args, snapshot);
	const own = Object.values(snapshot.host.links).flatMap(({ name, addresses }) => addresses.map((text) => ({ name, text })));
	const held = own.find(({ text }) => overlaps(parseCidr(text)!, parseCidr(to)!));
	if (held)
		throw new NetplumbError(
			"conflict",
			`${where} to: found ${held.text} on interface "${held.name}", which overlaps ${to}, expected a network that this host is not in; choose another one`,
		);
	const present = routesTo(to, snapshot);
	const foreign = present.find(({ protocol }) => protocol !== ROUTE_PROTOCOL);
	if (foreign)
		throw new NetplumbError(
			"conflict",
			`${where} to: found a route to ${to} via ${foreign.via ?? foreign.dev} that netplumb did not make, expected none; remove it, or choose another network`,
		);
	const mine = present.find((route) => route.via === via && route.dev === path.dev);
	const others = sharers(wish.marks, to, snapshot);
	const [other] = mine ? [] : present;
	if (other && others.length > 0)
		throw new NetplumbError(
			"conflict",
			`${where} via: found the route to ${to} via ${other.via ?? other.dev} of ${others[0]}, expected one neighbour for one network; correct one of the two`,
		);
	const family = familyOf(to);
	const elements = [from, to].map((network, index, both) => ({ set: `routed${family}`, key: [network, both[1 - index]!] }));
	const approve = firewallOf(snapshot).docker[family]?.forwardDrops ? [family] : [];
	const metric = family === 6 ? 1024 : 0;
	const route: Route = { to, via, dev: path.dev, metric, protocol: ROUTE_PROTOCOL, onlink: false };
	// The kernel replaces by destination and metric, and for IPv6 leaves one over another device: the old one goes first.
	const stale = present.filter((one) => one !== mine && (one.dev !== path.dev || one.metric !== metric));
	return [
		...planElements(wish, { elements, describe: `forward between ${from} and ${to}`, approve }, snapshot),
		...stale.map(remove),
		...(mine ? [] : [operation({ verb: "route.add", where: HOST, route }, `route ${to} via ${via}`)]),
	];
}

function planRemoval(wish: Wish<StaticRouteArgs>, snapshot: Snapshot): Operation[] {
	const { previous } = wish;
	const shared = previous ? sharers(wish.marks, previous.to, snapshot).length > 0 : true;
	const routes = previous && !shared ? routesTo(previous.to, snapshot).filter(({ protocol }) => protocol === ROUTE_PROTOCOL) : [];
	return [...routes.map(remove), ...planElements(wish, undefined, snapshot)];
}

function remove(route: Route): Operation {
	return operation({ verb: "route.delete", where: HOST, route }, `remove the route to ${route.to} via ${route.via ?? route.dev}`);
}

function routesTo(to: string, snapshot: Snapshot): Route[] {
	return snapshot.host.routes.filter((route) => route.to === to && route.table === undefined);
}

/** Other resources that forward to the same network: one route serves all of them. */
function sharers(marks: readonly string[], to: string, snapshot: Snapshot): string[] {
	const those = elementsOf(snapshot).filter(({ set, key }) => set === `routed${familyOf(to)}` && key[1] === to);
	return those.flatMap((element) => elementMark(element) ?? []).filter((mark) => !marks.includes(mark));
}

/** The way to a host on a segment of this one. */
function neighbour({ via }: StaticRouteArgs, snapshot: Snapshot): Path {
	const where = `host ${snapshot.hostName}: via:`;
	const path = snapshot.paths?.[via];
	if (path === undefined || path === "unreachable")
		throw new NetplumbError("missing", `${where} found no route to ${via}, expected a neighbour; correct the address`);
	if (path.local)
		throw new NetplumbError(
			"conflict",
			`${where} found ${via}, which is an address of this host itself, expected a neighbour's; correct it`,
		);
	if (path.via !== undefined)
		throw new NetplumbError(
			"unsupported",
			`${where} found ${via} behind the router ${path.via}, expected a host on the same segment, because a route leads to neighbours only; use an OverlayNetwork between these hosts, or give the address that it has on a shared segment`,
		);
	return path;
}

function refuseForwardingOff({ to }: StaticRouteArgs, snapshot: Snapshot): void {
	const family = familyOf(to);
	if (firewallOf(snapshot).forwarding?.[family] !== false) return;
	const name = family === 4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
	throw new NetplumbError(
		"missing",
		`host ${snapshot.hostName}: found ${name} off, expected it on, so that packets are forwarded at all; set ${name}=1 with sysctl and in /etc/sysctl.d`,
	);
}
