// The routes of a StaticContainerIp. Ours carry their own protocol number. A default route that stood there before is not
// deleted but parked: the same route with a metric that says so, which is also where it is restored from.
import { contains, parseCidr, parseIp } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import type { Operation } from "../host/change";
import { linkMark } from "../host/marks";
import { isParked, PARKED, ROUTE_PROTOCOL } from "../host/render";
import type { Link, Route, RunningContainer } from "../host/snapshot";
import { routesToWriteAgain, toWriteAgain } from "./addresses";
import { operation } from "./kind";

const DEFAULTS = ["0.0.0.0/0", "::/0"];

interface RouteArgs {
	interface: string;
	addresses: string[];
	gateway?: string;
	gateway6?: string;
	defaultRoute?: boolean;
	routes?: { to: string; via?: string }[];
}

export function wantedRoutes(args: RouteArgs): Route[] {
	const wanted = (args.routes ?? []).map(({ to, via }) => ({ to, via }));
	if (args.defaultRoute !== false) {
		if (args.gateway !== undefined) wanted.push({ to: "0.0.0.0/0", via: args.gateway });
		if (args.gateway6 !== undefined) wanted.push({ to: "::/0", via: args.gateway6 });
	}
	const subnets = args.addresses.map((text) => parseCidr(text)!);
	return wanted.map(({ to, via }) => {
		const hop = via === undefined ? undefined : parseIp(via);
		const onlink = hop !== undefined && !subnets.some((subnet) => contains(subnet, hop));
		// 1024 is what the kernel makes of "no metric" for IPv6.
		return {
			to,
			...(via === undefined ? {} : { via }),
			dev: args.interface,
			metric: to.includes(":") ? 1024 : 0,
			protocol: ROUTE_PROTOCOL,
			onlink,
		};
	});
}

interface Place {
	container: RunningContainer;
	link: Link;
	/** True when this resource alone manages addresses on the link: then every route of ours on it is this resource's. */
	only: boolean;
	/** Addresses that are deleted in this plan; the kernel deletes routes along with them. */
	rewrite: string[];
	where: string;
}

export function planRoutes(wanted: Route[], previous: Route[], place: Place): Operation[] {
	const { container, link } = place;
	const present = container.namespace.routes;
	const operations: Operation[] = [];
	// On an interface that netplumb made, a default route by hand is drift: nothing from before to give back.
	const isDrift = (route: Route) => route.dev === link.name && linkMark(link) !== undefined;
	const isOurs = (route: Route) => route.protocol === ROUTE_PROTOCOL && route.dev === link.name;
	/** Of another resource with addresses on the same link. */
	const isAnothers = (route: Route) => isOurs(route) && !place.only && !previous.some((old) => sameKey(old, route));
	const stale = present.filter(
		(route) =>
			isOurs(route) &&
			!wanted.some((want) => sameKey(want, route)) &&
			(place.only || previous.some((old) => sameKey(old, route))),
	);
	for (const route of stale) operations.push(remove(route, container));
	for (const want of wanted) {
		const found = present.find(
			(route) =>
				sameKey(want, route) ||
				(want.to === route.to && DEFAULTS.includes(want.to) && !isParked(route) && route.metric === want.metric),
		);
		const replaced = DEFAULTS.includes(want.to)
			? present.filter((route) => route.to === want.to && !isOurs(route) && !isParked(route) && !isDrift(route))
			: [];
		const other =
			replaced.find((route) => route.protocol === ROUTE_PROTOCOL) ??
			(found && !isOurs(found) && !isDrift(found) && replaced.length === 0 ? found : undefined) ??
			(found && isAnothers(found) && found.via !== want.via ? found : undefined);
		if (other)
			throw new NetplumbError(
				"conflict",
				`${place.where} routes: found a route to ${want.to} via ${other.dev} in container "${container.name}", expected none yet; remove one of the two, or set defaultRoute: false here`,
			);
		for (const route of replaced)
			operations.push(
				...move(
					route,
					{ ...route, metric: PARKED + route.metric },
					`park the default route via ${route.via ?? route.dev}`,
					container,
				),
			);
		const same = found && isOurs(found) && found.via === want.via && found.onlink === want.onlink;
		const lost = place.rewrite.some((address) => address.includes(":") === want.to.includes(":"));
		if (!same || lost)
			operations.push(
				operation(
					{ verb: "route.add", where: container.id, route: want },
					`route ${want.to} of container ${container.name} via ${want.via ?? want.dev}`,
				),
			);
	}
	for (const family of DEFAULTS) {
		const had = previous.some((route) => route.to === family) || stale.some((route) => route.to === family);
		if (had && !wanted.some((route) => route.to === family)) operations.push(...restore(family, container));
	}
	return operations;
}

export function planRoutesRemoval(previous: Route[], container: RunningContainer, link: Link | undefined): Operation[] {
	const present = container.namespace.routes;
	const operations = previous
		.filter(
			(route) =>
				link !== undefined &&
				present.some((found) => sameKey(found, route) && found.dev === link.name && found.protocol === ROUTE_PROTOCOL),
		)
		.map((route) => remove(present.find((found) => sameKey(found, route))!, container));
	for (const route of previous.filter(({ to }) => DEFAULTS.includes(to))) {
		const stays = present.some(
			(found) => found.to === route.to && found.protocol === ROUTE_PROTOCOL && !isParked(found) && found.dev !== route.dev,
		);
		if (!stays) operations.push(...restore(route.to, container));
	}
	return operations;
}

/** Writes again what others have on the link and what the kernel may delete along with the addresses that go. */
export function keepOthers(planned: Operation[], gone: string[], link: Link, container: RunningContainer): Operation[] {
	const handled = planned.flatMap(({ change }) => ("route" in change ? [change.route] : []));
	const on = `${link.name} of container ${container.name}`;
	return [
		...toWriteAgain(link, gone).map((cidr) =>
			operation({ verb: "address.add", where: container.id, dev: link.name, cidr }, `keep address ${cidr} on ${on}`),
		),
		...routesToWriteAgain(link, gone, container.namespace.routes)
			.filter((route) => !handled.some((other) => sameKey(other, route)))
			.map((route) => operation({ verb: "route.add", where: container.id, route }, `keep the route to ${route.to} on ${on}`)),
	];
}

/** The kernel tells routes apart by destination and metric (and, for IPv6, by device). */
function sameKey(a: Route, b: Route): boolean {
	return a.to === b.to && a.metric === b.metric && a.dev === b.dev;
}

function remove(route: Route, container: RunningContainer): Operation {
	return operation(
		{ verb: "route.delete", where: container.id, route },
		`remove the route to ${route.to} of container ${container.name}`,
	);
}

function restore(to: string, container: RunningContainer): Operation[] {
	return container.namespace.routes
		.filter((route) => route.to === to && isParked(route))
		.flatMap((route) =>
			move(
				route,
				{ ...route, metric: route.metric - PARKED },
				`restore the default route via ${route.via ?? route.dev}`,
				container,
			),
		);
}

function move(from: Route, to: Route, describe: string, container: RunningContainer): Operation[] {
	const words = `${describe} of container ${container.name}`;
	return [
		operation({ verb: "route.delete", where: container.id, route: from }, words),
		operation({ verb: "route.add", where: container.id, route: to }, words),
	];
}
