import * as pulumi from "@pulumi/pulumi";
import { existing, type HostInput, NetplumbResource } from "./resource";

/** The inputs of an `IsolatedNetwork`. */
export interface IsolatedNetworkArgs {
	/** The host that the network is on. Another address or port replaces the network. */
	host: HostInput;
	/**
	 * The name of its bridge on the host, at most 15 bytes. Default: derived from the resource's name, the same every time.
	 * A change replaces the network.
	 */
	name?: pulumi.Input<string>;
	/** The subnet, IPv4 or IPv6 (`"10.20.0.0/24"`). It must not overlap one that the host uses. Changes in place. */
	subnet: pulumi.Input<string>;
	/** The host's address in the subnet, the members' gateway. Default: the first address. Changes in place. */
	gateway?: pulumi.Input<string>;
	/**
	 * To where members may open connections. `"none"`: nowhere. `"internet"`: to public addresses, masqueraded with the host's.
	 * `"all"`: to everything that the host routes to, masqueraded, Docker's networks included, other isolated networks not.
	 * Default: `"none"`. Changes in place, and ends what is open when it becomes less.
	 */
	egress?: pulumi.Input<"none" | "internet" | "all">;
	/** `"isolated"`: members reach the gateway and published ports, not each other. Default: `"open"`. Changes in place. */
	clients?: pulumi.Input<"open" | "isolated">;
	/**
	 * Networks whose members may open connections to this one's: an `IsolatedNetwork`, or the name of an interface of the host.
	 * One way: answers pass, connections back do not. Default: none. Changes in place, and ends what is open when it becomes less.
	 */
	allow?: (IsolatedNetwork | pulumi.Input<string>)[];
	/**
	 * What of the host answers members at the gateway's address: `["udp/53", "tcp/53"]`. An echo request (ping) to the gateway is
	 * always answered. Default: none. Changes in place.
	 */
	services?: pulumi.Input<pulumi.Input<string>[]>;
	/**
	 * The VLAN that the network is on its bridge, 1 to 4094: that of the gateway, and of every member that declares none. Default: none. Changes
	 * in place.
	 */
	vlan?: pulumi.Input<number>;
	/** The MTU of the bridge's own port, in bytes, 68 (with an IPv6 subnet 1280) to 65535. Default: what Open vSwitch chooses. Changes in place. */
	mtu?: pulumi.Input<number>;
	/** As for an `OvsBridge`. Default: system where the kernel module is loaded, else netdev. A change replaces the network. */
	datapath?: pulumi.Input<"system" | "netdev">;
}

/**
 * A network on one host that nothing enters or leaves except what is declared: an Open vSwitch bridge, a gateway, and a boundary in
 * the host's firewall, which is there before the first member and closed when in doubt.
 *
 * ```ts
 * const db = new IsolatedNetwork("db", { host, subnet: "10.20.0.0/24", allow: [app] });
 * ```
 */
export class IsolatedNetwork extends NetplumbResource {
	/** The bridge's name on the host. */
	declare readonly name: pulumi.Output<string>;
	/** The same, for `bridge` of a `VethAttachment`. */
	declare readonly bridge: pulumi.Output<string>;
	/** The subnet, in canonical form. */
	declare readonly subnet: pulumi.Output<string>;
	/** The gateway's address, without prefix length. */
	declare readonly gateway: pulumi.Output<string>;

	/** Reads a network that another program made with the same project, stack and resource name. Changes nothing. */
	static get(
		name: string,
		id: pulumi.Input<pulumi.ID>,
		args: IsolatedNetworkArgs,
		opts?: pulumi.CustomResourceOptions,
	): IsolatedNetwork {
		return new IsolatedNetwork(name, args, existing(id, opts));
	}

	constructor(name: string, args: IsolatedNetworkArgs, opts?: pulumi.CustomResourceOptions) {
		const allow = args.allow?.map((from) => (pulumi.CustomResource.isInstance(from) ? (from as IsolatedNetwork).name : from));
		super("IsolatedNetwork", name, { name: undefined, gateway: undefined, ...args, allow }, ["bridge"], opts);
	}
}
