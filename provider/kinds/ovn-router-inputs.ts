// The inputs of an OvnRouter, and what has to fit together in them.
import { type Cidr, contains, formatCidr, isAssignable, network, overlaps, parseCidr, parseIp } from "../../sdk/addressing/index";
import { type Complain, cidr, type Infer, integer, ip, list, mac, object, oneOf, optional, rule } from "../validate/index";
import { LEAST_IPV6_MTU, namesSubnet } from "./addresses";
import { logicalName, remote, tls, tlsFits } from "./ovn-inputs";

const port = object(
	{
		switch: logicalName,
		addresses: list(cidr, { unique: true, min: 1 }),
		mac: optional(mac),
		chassis: optional(list(logicalName, { unique: true, min: 1, max: 100 })),
		// ovn-nb(5), Logical_Router_Port, options:gateway_mtu.
		mtu: optional(integer(68, 65535)),
	},
	"{ switch, addresses } with mac, chassis, mtu",
);
const route = object({ to: cidr, via: ip() }, "{ to, via }");
const snat = object({ from: cidr, to: optional(ip()) }, "{ from, to }");
const publish = object(
	{
		protocol: optional(oneOf("tcp", "udp", "sctp")),
		address: optional(ip()),
		port: optional(integer(1, 65535)),
		target: ip(),
		targetPort: optional(integer(1, 65535)),
	},
	"{ target } with port, targetPort, protocol, address",
);

const shape = object({
	northbound: optional(remote),
	tls: optional(tls),
	name: optional(logicalName),
	ports: list(port, { min: 1, max: 1000 }),
	routes: optional(list(route, { max: 1000 })),
	snat: optional(list(snat, { max: 1000 })),
	publish: optional(list(publish, { max: 1000 })),
});

type Shape = Infer<typeof shape>;
export type RouterPort = Infer<typeof port>;
export type Publish = Infer<typeof publish>;

export const familyOf = (text: string): 4 | 6 => (text.includes(":") ? 6 : 4);

/** The port that has a place on hosts: addresses are translated there (ovn-nb(5), Logical_Router_Port, "Distributed Gateway Ports"). */
export const gatewayPort = ({ ports }: Pick<Shape, "ports">): RouterPort | undefined => ports.find(({ chassis }) => chassis);

/** Its first address of the family. */
export function outerAddress(args: Pick<Shape, "ports">, family: 4 | 6): string | undefined {
	return gatewayPort(args)
		?.addresses.find((address) => familyOf(address) === family)
		?.split("/")[0];
}

export const addressOf = (args: Pick<Shape, "ports">, { address, target }: Publish): string | undefined =>
	address ?? outerAddress(args, familyOf(target));

const TRANSLATING = "a port with chassis beside it, where addresses are translated";

const reached = rule(shape, ["northbound", "tls"], (args, complain) =>
	tlsFits("northbound", args.northbound, args.tls, complain),
);

const ported = rule(reached, ["ports"], ({ ports }, complain) => {
	const nets: { at: string; cidr: Cidr }[] = [];
	ports.forEach((one, index) => {
		const first = ports.findIndex((other) => other.switch === one.switch);
		if (first < index)
			complain(`ports[${index}].switch`, one.switch, "one port for a switch", `put its addresses into ports[${first}]`);
		one.addresses.forEach((text, place) => {
			const address = parseCidr(text)!;
			const at = `ports[${index}].addresses[${place}]`;
			const other = nets.find((net) => overlaps(net.cidr, address));
			if (!isAssignable(address) || address.prefix === 0 || namesSubnet(address, address))
				complain(at, text, "an address that an interface can have, with the prefix length of its network", "choose another one");
			else if (other) complain(at, text, `a network of its own, and ${other.at} lies in the same`, "correct one of the two");
			nets.push({ at, cidr: network(address) });
		});
	});
	const isDual = ports.some(({ addresses }) => addresses.some((text) => familyOf(text) === 6));
	ports.forEach(({ mtu, chassis }, index) => {
		const at = `ports[${index}].mtu`;
		if (mtu === undefined) return;
		if (!chassis) complain(at, mtu, "chassis beside it, for it is the way to the outside that has one", "leave it out");
		else if (isDual && mtu < LEAST_IPV6_MTU)
			complain(at, mtu, `at least ${LEAST_IPV6_MTU}, because the router has IPv6 addresses`, "raise it");
	});
	const [, second] = ports.filter(({ chassis }) => chassis);
	if (second)
		complain(
			`ports[${ports.indexOf(second)}].chassis`,
			second.chassis!.join(),
			"chassis at one port alone",
			"leave them out where the router does not lead to the outside",
		);
});

const routed = rule(ported, ["ports", "routes"], ({ ports, routes = [] }, complain) => {
	const nets = ports.flatMap(({ addresses }) => addresses.map((text) => parseCidr(text)!));
	routes.forEach(({ to, via }, index) => {
		isNetwork(`routes[${index}].to`, to, complain);
		once(routes, index, (other) => other.to, `routes[${index}].to`, complain);
		if (!nets.some((net) => contains(net, parseIp(via)!)))
			complain(`routes[${index}].via`, via, "an address in the network of one of ports", "correct one of the two");
		else if (familyOf(to) !== familyOf(via))
			complain(`routes[${index}].via`, via, `an IPv${familyOf(to)} address, as to is`, "correct one of the two");
		else if (
			has(ports, via) ||
			nets.some((net) => net.family === 4 && contains(net, parseIp(via)!) && namesSubnet(parseIp(via)!, net))
		)
			complain(`routes[${index}].via`, via, "the address of another router", "correct it");
	});
});

const masked = rule(routed, ["ports", "routes", "snat"], (args, complain) => {
	const all = args.snat ?? [];
	if (all.length > 0 && !gatewayPort(args)) complain("snat[0]", all[0]!.from, TRANSLATING, "give one of ports its chassis");
	else
		all.forEach(({ from, to }, index) => {
			isNetwork(`snat[${index}].from`, from, complain);
			once(all, index, (other) => other.from, `snat[${index}].from`, complain);
			const outer = to ?? outerAddress(args, familyOf(from));
			if (outer === undefined || familyOf(outer) !== familyOf(from))
				complain(
					`snat[${index}].to`,
					to,
					`an IPv${familyOf(from)} address, as from is`,
					"give one, or an address to the port with chassis",
				);
			else if (!isAssignable(parseIp(outer)!))
				complain(`snat[${index}].to`, outer, "an address that the router can have", "correct it");
			else refuseHop(args, outer, `snat[${index}].to`, complain);
		});
});

export const ovnRouterSchema = rule(masked, ["ports", "routes", "snat", "publish"], (args, complain) => {
	const all = args.publish ?? [];
	if (all.length > 0 && !gatewayPort(args)) complain("publish[0]", all[0]!.target, TRANSLATING, "give one of ports its chassis");
	else
		all.forEach((one, index) => {
			const at = `publish[${index}]`;
			const outer = addressOf(args, one);
			if (outer === undefined || familyOf(outer) !== familyOf(one.target))
				complain(`${at}.address`, one.address, `an IPv${familyOf(one.target)} address, as target is`, "give one");
			else if (one.port === undefined && one.address === undefined)
				complain(`${at}.port`, undefined, "a port, or an address for the target alone", "give one of the two");
			else if (one.port === undefined && args.ports.some(({ addresses }) => addresses.some((own) => own.split("/")[0] === outer)))
				complain(`${at}.address`, outer, "an address that the router itself does not have", "give port, or choose another one");
			else if (one.port === undefined && one.targetPort !== undefined)
				complain(`${at}.targetPort`, one.targetPort, "port beside it", "give port, or leave it out");
			// Without one the whole address leads there: all protocols and all ports.
			else if (one.port === undefined && one.protocol !== undefined)
				complain(`${at}.protocol`, one.protocol, "port beside it", "give port, or leave it out");
			else if (!isAssignable(parseIp(outer)!))
				complain(`${at}.address`, outer, "an address that the router can have", "correct it");
			else if (!isAssignable(parseIp(one.target)!)) complain(`${at}.target`, one.target, "a container's address", "correct it");
			else if (has(args.ports, one.target))
				complain(`${at}.target`, one.target, "an address of a container, not of the router", "correct it");
			else {
				refuseHop(args, outer, `${at}.address`, complain);
				once(all, index, (other) => publishedAt(other, addressOf(args, other)), at, complain);
				if (one.port === undefined) refuseSecond(args, one.target, index, complain);
			}
		});
});

export type OvnRouterArgs = Infer<typeof ovnRouterSchema>;

export const protocolOf = ({ protocol }: Publish) => protocol ?? "tcp";

export function publishedAt(one: Publish, address: string | undefined): string {
	return one.port === undefined ? `${address}` : `${protocolOf(one)} ${endpoint(address!, one.port)}`;
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function endpoint(address: string, at: number): string {
	return familyOf(address) === 6 ? `[${address}]:${at}` : `${address}:${at}`;
}

const has = (ports: readonly RouterPort[], address: string) =>
	ports.some(({ addresses }) => addresses.some((own) => own.split("/")[0] === address));

/** The router answers ARP for it: the whole segment would send to it what is for the next hop. */
function refuseHop({ routes = [] }: Pick<Shape, "routes">, address: string, at: string, complain: Complain): void {
	const index = routes.findIndex(({ via }) => via === address);
	if (index >= 0) complain(at, address, `an address of the router's own, and routes[${index}] goes via it`, "choose another one");
}

/** A target that an address stands for leaves with that one: a second one would be as good, and chance would decide (ovn-nb(5), NAT). */
function refuseSecond(args: Pick<Shape, "snat" | "publish">, target: string, index: number, complain: Complain): void {
	const alone = (args.publish ?? []).findIndex((one) => one.port === undefined && one.target === target);
	const masked = (args.snat ?? []).findIndex(({ from }) => from === `${target}/${familyOf(target) === 4 ? 32 : 128}`);
	const at = `publish[${index}].target`;
	if (alone < index) complain(at, target, "one address for a target", `remove it, or publish[${alone}]`);
	else if (masked >= 0)
		complain(at, target, `one address for a target, and snat[${masked}] gives another`, "remove one of the two");
}

function isNetwork(at: string, text: string, complain: Complain): void {
	const plain = formatCidr(network(parseCidr(text)!));
	if (plain !== text) complain(at, text, "a network, with no bits set behind its prefix", `write it as ${plain}`);
}

/** `at`: the path of the entry, and perhaps of a property of it. */
function once<T>(all: readonly T[], index: number, key: (one: T) => string, at: string, complain: Complain): void {
	const first = all.findIndex((other) => key(other) === key(all[index]!));
	const [list] = at.split("[");
	if (first < index) complain(at, key(all[index]!), "every entry only once", `remove it, or ${list}[${first}]`);
}
