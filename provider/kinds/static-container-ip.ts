// StaticContainerIp: fixed addresses, default routes and routes on one interface of a container.
// Sources: ip-address(8), ip-route(8), ip-sysctl.rst (disable_ipv6, arp_notify).
import { contains, formatCidr, isAssignable, isLinkLocal, network, parseCidr, parseIp } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import type { Operation } from "../host/change";
import { addressMarks, aliasWithAddressMark, foreignAlias, linkMark, MAX_ALIAS_BYTES, sameAlias } from "../host/marks";
import { ownedBy } from "../host/owned";
import { isRunning, type Link, type RunningContainer, type Snapshot } from "../host/snapshot";
import { boolean, cidr, containerRef, type Infer, interfaceName, ip, list, object, optional, rule } from "../validate/index";
import { hostAddresses, LEAST_IPV6_MTU, namesSubnet, toDelete, toWriteAgain } from "./addresses";
import { dockerTells, runningContainer } from "./facts";
import { type Kind, operation, type Wish } from "./kind";
import { planAllowed, planForbidden, portBehind } from "./port-security";
import { keepOthers, planRoutes, planRoutesRemoval, wantedRoutes } from "./routes";

const shape = object({
	container: containerRef,
	interface: interfaceName,
	addresses: list(cidr, { min: 1, unique: true }),
	gateway: optional(ip({ family: 4 })),
	gateway6: optional(ip({ family: 6 })),
	defaultRoute: optional(boolean),
	routes: optional(list(object({ to: cidr, via: optional(ip()) }, "{ to, via }"), { unique: true })),
	portSecurity: optional(boolean),
	adopt: optional(boolean),
});

const addressRules = rule(shape, ["addresses"], ({ addresses }, complain) => {
	hostAddresses(addresses, complain);
});

const gatewayRules = (["gateway", "gateway6"] as const).reduce(
	(schema, key) =>
		rule(schema, ["addresses", key], (args, complain) => {
			const gateway = args[key];
			if (gateway === undefined) return;
			const family = key === "gateway" ? 4 : 6;
			const subnets = args.addresses.map((text) => parseCidr(text)!).filter((subnet) => subnet.family === family);
			const hop = parseIp(gateway)!;
			if (subnets.length === 0)
				complain(key, gateway, `an IPv${family} address among addresses`, "add one, or remove the gateway");
			else if (!isAssignable(hop)) complain(key, gateway, "a machine's address", "correct it");
			else if (args.addresses.some((text) => text.split("/")[0] === gateway))
				complain(key, gateway, "another machine's address", "it is the container's own: correct one of the two");
			else if (family === 4 && subnets.some((subnet) => contains(subnet, hop) && namesSubnet(hop, subnet)))
				complain(key, gateway, "a machine's address", "this one is the subnet's own or its broadcast address: correct it");
			// A host address (/32, /128) has no subnet: its gateway is then reached directly on the link.
			else if (
				!subnets.some((subnet) => contains(subnet, hop) || subnet.prefix === (family === 4 ? 32 : 128)) &&
				!(family === 6 && isLinkLocal(hop))
			) {
				complain(
					key,
					gateway,
					`an address inside ${subnets.map((subnet) => args.addresses.find((text) => parseCidr(text)!.value === subnet.value)).join(" or ")}`,
					"correct the gateway or the prefix length",
				);
			}
		}),
	addressRules,
);

export const staticContainerIpSchema = rule(
	gatewayRules,
	["addresses", "gateway", "gateway6", "routes", "defaultRoute"],
	(args, complain) => {
		(args.routes ?? []).forEach((route, index) => {
			const v6 = route.to.includes(":");
			if (route.via !== undefined && route.via.includes(":") !== v6)
				complain(`routes[${index}].via`, route.via, `an IPv${v6 ? 6 : 4} address, as in to`, "correct one of the two");
			if (route.via !== undefined && !isAssignable(parseIp(route.via)!))
				complain(`routes[${index}].via`, route.via, "a machine's address", "correct it");
			else if (args.addresses.some((text) => text.split("/")[0] === route.via))
				complain(
					`routes[${index}].via`,
					route.via,
					"another machine's address",
					"it is the container's own: correct it, or leave it out",
				);
			const subnet = formatCidr(network(parseCidr(route.to)!));
			if (subnet !== route.to)
				complain(`routes[${index}].to`, route.to, "a network, with no bits set behind its prefix", `write it as ${subnet}`);
			const same = (args.routes ?? []).findIndex((other) => other.to === route.to);
			if (same < index)
				complain(`routes[${index}].to`, route.to, "one route to each destination", `remove one: routes[${same}] goes there too`);
			if (!args.addresses.some((address) => address.includes(":") === v6))
				complain(
					`routes[${index}].to`,
					route.to,
					`a destination of the addresses' family, IPv${v6 ? 4 : 6}`,
					`add an IPv${v6 ? 6 : 4} address, or remove the route`,
				);
			const isDefault = route.to === "0.0.0.0/0" || route.to === "::/0";
			if (isDefault && (v6 ? args.gateway6 : args.gateway) !== undefined && args.defaultRoute !== false) {
				complain(
					`routes[${index}].to`,
					route.to,
					"one default route of a family",
					`remove it: ${v6 ? "gateway6" : "gateway"} makes it`,
				);
			}
		});
		if (args.defaultRoute === true && args.gateway === undefined && args.gateway6 === undefined)
			complain("defaultRoute", true, "a gateway beside it", "add gateway or gateway6");
	},
);

export type StaticContainerIpArgs = Infer<typeof staticContainerIpSchema>;

export const staticContainerIp: Kind<StaticContainerIpArgs> = {
	name: "StaticContainerIp",
	schema: staticContainerIpSchema,
	outputs: ["ip"],
	replace: ["container", "interface"],
	complete: (args) => args,
	physicalName: (args) => `${args.container.slice(0, 12)}/${args.interface}`,
	containers: (args) => [args.container],
	plan: (wish, snapshot) => (wish.wanted ? planAddresses(wish, wish.wanted, snapshot) : planRemoval(wish, snapshot)),

	observe(args, _mark, snapshot) {
		const container = snapshot.containers[args.container];
		const found: StaticContainerIpArgs = { ...args };
		if (isRunning(container)) {
			const link = container.namespace.links[args.interface];
			found.addresses = args.addresses.filter((address) => link?.addresses.includes(address));
			const has = (to: string, via: string | undefined) =>
				container.namespace.routes.some((route) => route.to === to && route.dev === args.interface && route.via === via);
			if (args.defaultRoute !== false) {
				if (args.gateway !== undefined && !has("0.0.0.0/0", args.gateway)) delete found.gateway;
				if (args.gateway6 !== undefined && !has("::/0", args.gateway6)) delete found.gateway6;
			}
			if (args.routes) found.routes = args.routes.filter((route) => has(route.to, route.via));
		}
		return { args: found, outputs: { ip: args.addresses[0]?.split("/")[0] ?? "" } };
	},

	exists: (marks, snapshot) => snapshot.dockerProblem ?? ownedBy(snapshot, marks).addressed.length > 0,
};

function planAddresses(wish: Wish<StaticContainerIpArgs>, args: StaticContainerIpArgs, snapshot: Snapshot): Operation[] {
	const container = runningContainer(snapshot, args.container);
	const link = container.namespace.links[args.interface];
	const where = `host ${snapshot.hostName}:`;
	if (!link) {
		const names = Object.keys(container.namespace.links).join(", ");
		throw new NetplumbError(
			"missing",
			`${where} interface: found no interface "${args.interface}" in container "${container.name}" (it has ${names}), expected one; make it with VethAttachment, or correct the name`,
		);
	}
	const v6 = args.addresses.find((address) => address.includes(":"));
	if (v6 && link.mtu < LEAST_IPV6_MTU)
		throw new NetplumbError(
			"conflict",
			`${where} addresses: found ${v6} for ${link.name} of container "${container.name}", whose MTU is ${link.mtu}, expected at least ${LEAST_IPV6_MTU} for IPv6; raise the MTU, or remove the address`,
		);
	const own = addressMarks(link).find(({ mark }) => wish.marks.includes(mark));
	const missing = args.addresses.filter((address) => !link.addresses.includes(address));
	refuseForeign(args, link, container, wish, where);
	const before = wish.previous?.addresses ?? [];
	const only = addressMarks(link).every(({ mark }) => wish.marks.includes(mark));
	// Addresses that others had put there before an adoption stay for ever.
	const present = linkMark(link) === undefined ? args.addresses.filter((address) => link.addresses.includes(address)) : [];
	const kept = own?.kept ?? present;
	const isOld = (address: string) =>
		before.includes(address) || (own !== undefined && only && args.addresses.some(sameHost(address)));
	const gone = toDelete(link, (address) => !args.addresses.includes(address) && !kept.includes(address) && isOld(address));
	const on = `${link.name} of container ${container.name}`;
	const operations = gone.map((address) =>
		operation(
			{ verb: "address.delete", where: container.id, dev: link.name, cidr: address },
			`remove address ${address} from ${on}`,
		),
	);

	const needsIpv6 =
		args.addresses.some((address) => address.includes(":")) && container.namespace.ipv6Disabled[link.name] === true;
	if (needsIpv6)
		operations.push(
			operation(
				{ verb: "sysctl.set", where: container.id, path: ["ipv6", "conf", link.name, "disable_ipv6"], value: "0" },
				`switch IPv6 on for ${on}`,
			),
		);
	// A static address needs no router's advice. Only on interfaces that are ours: they die with their sysctls.
	if (linkMark(link) !== undefined && missing.some((address) => address.includes(":"))) {
		operations.push(
			operation(
				{ verb: "sysctl.set", where: container.id, path: ["ipv6", "conf", link.name, "accept_ra"], value: "0" },
				`ignore router advertisements on ${on}`,
			),
		);
	}
	const idleIpv6 = own?.enabledIpv6 === true && !usesIpv6(link, gone, args.addresses);
	if (idleIpv6) operations.push(switchIpv6Off(link, container));
	const enabled = needsIpv6 || (own?.enabledIpv6 === true && !idleIpv6);
	const alias = aliasWithAddressMark(dropMarks(link, wish.marks), wish.mark, { enabledIpv6: enabled, kept });
	if (!sameAlias(alias, link.alias)) {
		if (alias.length > MAX_ALIAS_BYTES)
			throw new NetplumbError(
				"conflict",
				`${where} interface: found too many address owners on ${on}, expected their marks to fit into its alias; put their addresses into one StaticContainerIp`,
			);
		operations.push(operation({ verb: "link.set", where: container.id, name: link.name, alias }, `mark ${on}`));
	}
	for (const address of [...missing, ...toWriteAgain(link, gone)])
		operations.push(
			operation({ verb: "address.add", where: container.id, dev: link.name, cidr: address }, `add address ${address} to ${on}`),
		);
	const routes = planRoutes(wantedRoutes(args), wish.previous ? wantedRoutes(wish.previous) : [], {
		container,
		link,
		only,
		rewrite: gone,
		where,
	});
	operations.push(...routes, ...keepOthers(routes, gone, link, container).filter(({ change }) => change.verb === "route.add"));
	// On the host before they are used in the container, and there until they are gone (render.ts).
	operations.push(...planAllowed(wish.mark, portBehind(link, snapshot), args.addresses, snapshot));
	operations.push(
		...planForbidden(
			wish.marks.filter((mark) => mark !== wish.mark),
			snapshot,
		),
	);
	if (missing.length > 0)
		operations.push(
			operation({ verb: "announce", where: container.id, dev: link.name, mac: link.mac }, `announce the addresses of ${on}`),
		);
	return operations;
}

/** True when IPv6 addresses are left on the link, be they another owner's. */
function usesIpv6(link: Link, gone: readonly string[], wanted: readonly string[]): boolean {
	return [...link.addresses.filter((address) => !gone.includes(address)), ...wanted].some((address) => address.includes(":"));
}

function switchIpv6Off(link: Link, container: RunningContainer): Operation {
	return operation(
		{ verb: "sysctl.set", where: container.id, path: ["ipv6", "conf", link.name, "disable_ipv6"], value: "1" },
		`switch IPv6 off again on ${link.name} of container ${container.name}`,
	);
}

/** The same address, with whatever prefix length. */
function sameHost(address: string): (other: string) => boolean {
	return (other) => other.split("/")[0] === address.split("/")[0];
}

function dropMarks(link: Link, marks: string[]): string {
	return marks.reduce((alias, mark) => aliasWithAddressMark(alias, mark), link.alias ?? "");
}

function refuseForeign(
	args: StaticContainerIpArgs,
	link: Link,
	container: RunningContainer,
	wish: Wish<StaticContainerIpArgs>,
	where: string,
): void {
	if (foreignAlias(link))
		throw new NetplumbError(
			"conflict",
			`${where} interface: found the alias "${link.alias?.replace(/[^ -~]/g, "?")}" on ${link.name} of container "${container.name}", expected none; netplumb keeps its mark there`,
		);
	const marks = addressMarks(link).map(({ mark }) => mark);
	const marked = marks.some((mark) => wish.marks.includes(mark));
	for (const address of args.addresses) {
		const holder = Object.values(container.namespace.links).find((other) => other.addresses.some(sameHost(address)));
		if (!holder) continue;
		// On an interface that netplumb made, an address is a half-made one of this resource, unless another resource has some there.
		const known = marked || (linkMark(link) !== undefined && marks.length === 0);
		const mine = holder.name === link.name && (known || args.adopt === true);
		if (!mine)
			throw new NetplumbError(
				"conflict",
				`${where} addresses: found ${address} already on ${holder.name} of container "${container.name}", expected it to be free; choose another address${holder.name === link.name ? ", or set adopt: true to take it over" : ""}`,
			);
	}
}

/** What is left when the container stopped needs no work: its addresses are gone with its namespace. */
function planRemoval(wish: Wish<StaticContainerIpArgs>, snapshot: Snapshot): Operation[] {
	const { previous } = wish;
	if (previous) dockerTells(snapshot, previous.container);
	const container = previous && snapshot.containers[previous.container];
	const forbidden = planForbidden(wish.marks, snapshot);
	if (!previous || !isRunning(container)) return forbidden;
	const link = container.namespace.links[previous.interface];
	const own = link && addressMarks(link).find(({ mark }) => wish.marks.includes(mark));
	const routes = planRoutesRemoval(wantedRoutes(previous), container, own ? link : undefined);
	if (!link || !own) return [...routes, ...forbidden];
	const gone = toDelete(link, (address) => previous.addresses.includes(address) && !own.kept.includes(address));
	const operations = [...routes, ...keepOthers(routes, gone, link, container), ...forbidden];
	const on = `${link.name} of container ${container.name}`;
	for (const address of gone) {
		operations.push(
			operation(
				{ verb: "address.delete", where: container.id, dev: link.name, cidr: address },
				`remove address ${address} from ${on}`,
			),
		);
	}
	if (own.enabledIpv6 && !usesIpv6(link, gone, [])) operations.push(switchIpv6Off(link, container));
	operations.push(
		operation(
			{ verb: "link.set", where: container.id, name: link.name, alias: dropMarks(link, wish.marks) },
			`take the owner mark off ${on}`,
		),
	);
	return operations;
}
