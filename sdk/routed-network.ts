import * as pulumi from "@pulumi/pulumi";
import { derivedName, formatCidr, overlaps, parseCidr, parseIp } from "./addressing/index";
import type { Host } from "./host";
import { warnNotEncrypted } from "./not-encrypted";
import { OvsBridge } from "./ovs-bridge";
import { madeOr } from "./resource";
import { StaticRoute } from "./static-route";
import { Subnet } from "./subnet";
import { links } from "./topology";

/** A host of a `RoutedNetwork`. */
export interface RoutedHostArgs {
	/** The host. Another address or port replaces its bridge and the routes from it. */
	host: Host;
	/** The network of the containers on this host: a `Subnet`, or its text. No two hosts share an address. A change moves the bridge's address and replaces the routes to it. */
	subnet: Subnet | string;
	/**
	 * The address that the other hosts have for this one, of the family of the subnets, on a segment that they share. Default: the address
	 * that the host is reached at, which must then be an address and no name. Changes in place.
	 */
	endpoint?: pulumi.Input<string>;
}

/** The inputs of a `RoutedNetwork`. */
export interface RoutedNetworkArgs {
	/** The hosts, by names of your choice. Adding or removing one makes or deletes its bridge and the routes from and to it, and nothing else. */
	hosts: Record<string, RoutedHostArgs>;
	/** The MTU of the bridges and attachments, in bytes: what the segment between the hosts carries. Default: 1500. Changes in place. */
	mtu?: pulumi.Input<number>;
	/** The datapath of the bridges; see `OvsBridge`. A change replaces the bridges. */
	datapath?: pulumi.Input<"system" | "netdev">;
}

/** What a `VethAttachment` on one host of the network needs. */
export interface RoutedPlace {
	/** The host of the bridge. */
	host: Host;
	/** The name of the network's bridge there. */
	bridge: pulumi.Output<string>;
	/** The MTU for attachments, in bytes. */
	mtu: pulumi.Output<number>;
}

/**
 * Networks of several hosts with routes between them: a bridge with a subnet of its own on each host, and a route from each host to the
 * subnet of every other. Nothing is encapsulated, so the hosts have to share a segment. It is not encrypted.
 *
 * ```ts
 * const net = new RoutedNetwork("apps", { hosts: { a: { host: a, subnet: "10.80.1.0/24" }, b: { host: b, subnet: "10.80.2.0/24" } } });
 * const attachment = new VethAttachment("web", { ...net.on("a"), container });
 * const { gateway } = net.subnet("a");
 * new StaticContainerIp("web", { attachment, addresses: [net.subnet("a").allocate("web")], gateway });
 * ```
 */
export class RoutedNetwork extends pulumi.ComponentResource {
	readonly #places = new Map<string, RoutedPlace & { subnet: Subnet }>();

	constructor(name: string, args: RoutedNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
		super("netplumb:index:RoutedNetwork", name, {}, opts);
		const { hosts, datapath } = args;
		const names = Object.keys(hosts);
		const pairs = links(name, names, "mesh", names[0], "RoutedNetwork");
		const subnets = new Map(names.map((host) => [host, asSubnet(hosts[host]!.subnet)]));
		refuseUnfit(name, subnets);
		warnNotEncrypted(this, this, `network ${name}`);
		const mtu = pulumi.output(args.mtu ?? 1500);
		const bridges = new Map<string, OvsBridge>();
		for (const host of names) {
			const child = `${name}-${host}-bridge`;
			const own = derivedName(name, `${pulumi.getProject()}/${pulumi.getStack()}/${child}`);
			const subnet = subnets.get(host)!;
			const made = new OvsBridge(
				child,
				{
					...{ host: hosts[host]!.host, name: own, mtu, addresses: [subnet.gatewayCidr] },
					...(datapath === undefined ? {} : { datapath }),
				},
				{ parent: this },
			);
			bridges.set(host, made);
			this.#places.set(host, { host: hosts[host]!.host, bridge: madeOr(made, made.name, own), mtu, subnet });
		}
		for (const { from, to } of pairs) {
			const via = pulumi.output(hosts[to]!.endpoint ?? hosts[to]!.host.args.address).apply(literal(name, to));
			new StaticRoute(
				`${name}-${from}--${to}`,
				{ host: hosts[from]!.host, from: cidrOf(subnets, from), to: cidrOf(subnets, to), via },
				// A bridge that could not be made must not stop the routes of the other hosts (--continue-on-error).
				{ parent: this },
			);
		}
		this.registerOutputs({ mtu });
	}

	/** The host of this name, its bridge and the MTU, as a `VethAttachment` takes them. */
	on(host: string): RoutedPlace {
		const { subnet: _, ...place } = this.#at(host);
		return place;
	}

	/** The subnet of the host of this name: `net.subnet("a").allocate("web")`; its `gateway` is the address of the bridge there. */
	subnet(host: string): Subnet {
		return this.#at(host).subnet;
	}

	#at(host: string): RoutedPlace & { subnet: Subnet } {
		const place = this.#places.get(host);
		if (place) return place;
		const known = [...this.#places.keys()].join(", ");
		throw new TypeError(`RoutedNetwork: found ${JSON.stringify(host)}, expected one of the hosts ${known}; correct the name`);
	}
}

const asSubnet = (subnet: Subnet | string): Subnet => (typeof subnet === "string" ? new Subnet(subnet) : subnet);
const cidrOf = (subnets: Map<string, Subnet>, host: string): string => formatCidr(parseCidr(subnets.get(host)!.cidr)!);

/** Two hosts with one address, or of two families, cannot be told the way to each other. */
function refuseUnfit(network: string, subnets: ReadonlyMap<string, Subnet>): void {
	const seen: [string, Subnet][] = [];
	for (const [host, subnet] of subnets) {
		for (const [other, before] of seen) {
			const found = `RoutedNetwork ${network}: hosts.${host}.subnet: found ${subnet.cidr}`;
			if (before.family !== subnet.family)
				throw new TypeError(
					`${found}, expected an IPv${before.family} network, as ${other} has; declare a second network for the other family`,
				);
			if (overlaps(parseCidr(before.cidr)!, parseCidr(subnet.cidr)!))
				throw new TypeError(
					`${found}, which overlaps ${before.cidr} of ${other}, expected a network of its own for each host; choose another one`,
				);
		}
		seen.push([host, subnet]);
	}
}

/** Routes take no names; the sentence says where an address can be given. */
function literal(network: string, host: string): (address: string) => string {
	return (address) => {
		if (parseIp(address)) return address;
		throw new TypeError(
			`RoutedNetwork ${network}: found the name ${JSON.stringify(address)} for host ${host}, expected an IP address, because routes take no names; give it in hosts.${host}.endpoint`,
		);
	};
}
