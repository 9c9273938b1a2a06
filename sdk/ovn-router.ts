import type * as pulumi from "@pulumi/pulumi";
import { addressOf } from "./nat-publish";
import type { OvnTls } from "./ovn-central";
import { OvnChassis } from "./ovn-chassis";
import type { OvnSwitch } from "./ovn-switch";
import { bridgeName, existing, type HostInput, madeOr, NetplumbResource } from "./resource";
import type { StaticContainerIp } from "./static-container-ip";

/** A port of a logical router, in a logical switch. */
export interface OvnRouterPort {
	/** The logical switch: an `OvnSwitch`, or the name of one that exists. */
	switch: OvnSwitch | pulumi.Input<string>;
	/** The router's own addresses there, with the prefix lengths of the networks: the gateway of the containers. */
	addresses: pulumi.Input<pulumi.Input<string>[]>;
	/** The MAC address. Default: derived from project, stack, router and switch. */
	mac?: pulumi.Input<string>;
	/**
	 * The hosts that are the way to the outside, in a switch with `localnet`: `OvnChassis`, or names of chassis. The first one that is alive does it, the
	 * others take over; for the loss of a host there have to be three. At one port alone, and needed for `snat` and `publish`. Default: none, and every
	 * host routes for its own containers.
	 */
	chassis?: (OvnChassis | pulumi.Input<string>)[];
	/**
	 * The largest packet in bytes, at the port with `chassis`: that of the containers. Whoever sends a larger one through the port, in either direction,
	 * is told so, and it goes no further. 68 to 65535, with IPv6 1280 or more. Default: nobody is told.
	 */
	mtu?: pulumi.Input<number>;
}

/** A route to a network that is behind another router. */
export interface OvnRoute {
	/** The network; `"0.0.0.0/0"` or `"::/0"` for all the others. */
	to: pulumi.Input<string>;
	/** The other router's address, in the network of one of the ports. */
	via: pulumi.Input<string>;
}

/** Whose connections leave with an address of the router. */
export interface OvnSnat {
	/** The network of the containers. */
	from: pulumi.Input<string>;
	/** The address with which they leave. Default: the first one of the port with `chassis`. */
	to?: pulumi.Input<string>;
}

/** A port that leads to a container, or a whole address. */
export interface OvnPublish {
	/** Only beside `port`. Default: `"tcp"`. */
	protocol?: pulumi.Input<"tcp" | "udp" | "sctp">;
	/** The address outside. Default: the first one of the port with `chassis`. */
	address?: pulumi.Input<string>;
	/** The port outside, 1 to 65535. Default: none, and `address` stands for the target alone, in both directions. */
	port?: pulumi.Input<number>;
	/** Where the connections go: a `StaticContainerIp` (its first address), or an address. */
	target: StaticContainerIp | pulumi.Input<string>;
	/** The port of the target, 1 to 65535; only beside `port`. Default: `port`. */
	targetPort?: pulumi.Input<number>;
}

/** The inputs of an `OvnRouter`. */
export interface OvnRouterArgs {
	/** A host with ovn-nbctl, as of the `OvnSwitch`. Another address or port replaces the router. */
	host: HostInput;
	/** The address of the northbound database. Default: its socket on the host. A change replaces the router. */
	northbound?: pulumi.Input<string>;
	/** The files for TLS, where `northbound` is an ssl address. Default: none. Changes in place. */
	tls?: pulumi.Input<OvnTls>;
	/** The router's name. Default: derived from the resource's name. A change replaces the router. */
	name?: pulumi.Input<string>;
	/** Its ports, one in each switch. Changes in place: what stays the same keeps its connections. */
	ports: OvnRouterPort[];
	/** Routes beside those of its ports' networks. Default: none. Changes in place. */
	routes?: pulumi.Input<pulumi.Input<OvnRoute>[]>;
	/** Networks whose connections leave with an address of the router. Default: none. Changes in place. */
	snat?: pulumi.Input<pulumi.Input<OvnSnat>[]>;
	/** Ports and addresses outside that lead to containers. Default: none. Changes in place. */
	publish?: OvnPublish[];
}

/**
 * A logical router of OVN: between logical switches over all hosts, and to the outside.
 *
 * ```ts
 * const edge = new OvnRouter("edge", { host, ports: [
 *   { switch: apps, addresses: ["10.70.0.1/24"] },
 *   { switch: outside, addresses: ["192.0.2.50/24"], chassis: [chassis.a, chassis.b] },
 * ], routes: [{ to: "0.0.0.0/0", via: "192.0.2.1" }], snat: [{ from: "10.70.0.0/24" }] });
 * ```
 */
export class OvnRouter extends NetplumbResource {
	/** The router's name. */
	declare readonly name: pulumi.Output<string>;
	/** Its ports, each with its MAC address. */
	declare readonly ports: pulumi.Output<{ switch: string; addresses: string[]; mac: string; chassis?: string[]; mtu?: number }[]>;

	/** Reads a router that another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: OvnRouterArgs, opts?: pulumi.CustomResourceOptions): OvnRouter {
		return new OvnRouter(name, args, existing(id, opts));
	}

	constructor(name: string, args: OvnRouterArgs, opts?: pulumi.CustomResourceOptions) {
		const ports = args.ports.map((port) => ({
			...port,
			switch: bridgeName(port.switch),
			...(port.chassis === undefined ? {} : { chassis: port.chassis.map(chassisName) }),
		}));
		const published = args.publish?.map((one) => ({ ...one, target: addressOf(one.target) }));
		const plain = { ...args, ports, ...(published === undefined ? {} : { publish: published }) };
		super("OvnRouter", name, { name: undefined, ...plain }, [], opts);
	}
}

function chassisName(chassis: OvnChassis | pulumi.Input<string>): pulumi.Input<string> {
	if (!OvnChassis.isInstance(chassis)) return chassis as pulumi.Input<string>;
	const resource = chassis as OvnChassis;
	return madeOr(resource, resource.chassis, "chassis-not-made");
}
