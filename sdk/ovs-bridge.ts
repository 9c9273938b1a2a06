import type * as pulumi from "@pulumi/pulumi";
import { existing, type HostInput, NetplumbResource } from "./resource";

/** The inputs of an `OvsBridge`. */
export interface OvsBridgeArgs {
	/** The host that the bridge is made on. Another address or port replaces the bridge. */
	host: HostInput;
	/**
	 * The bridge's name on the host, at most 15 bytes. Default: derived from the resource's name, the same every time.
	 * A change replaces the bridge.
	 */
	name?: pulumi.Input<string>;
	/**
	 * `"system"` forwards in the kernel, `"netdev"` in ovs-vswitchd (ovs-vswitchd.conf.db(5), `datapath_type`). Default: system where
	 * the kernel module is loaded, else netdev. A change replaces the bridge.
	 */
	datapath?: pulumi.Input<"system" | "netdev">;
	/** Addresses of the host on this network, in CIDR form (`"10.20.0.1/24"`). Default: none. A change adds and removes addresses in place. */
	addresses?: pulumi.Input<pulumi.Input<string>[]>;
	/** The MTU of the bridge's own port, in bytes, 68 (with IPv6 addresses 1280) to 65535. Default: what Open vSwitch chooses. Changes in place. */
	mtu?: pulumi.Input<number>;
	/**
	 * Interfaces of the host to put into the bridge. The addresses and routes of one that carries any move to the bridge's own
	 * port, and back when it is taken out; this needs `acceptRisk`. Default: none. Changes in place.
	 */
	uplinks?: pulumi.Input<pulumi.Input<string>[]>;
	/**
	 * `["ssh-path"]`: steps that can cut the way to the host may be taken, such as moving its address to the bridge. The host takes
	 * back what is not confirmed over a new connection within `Host.confirmSeconds`. Default: none, and such steps are refused.
	 */
	acceptRisk?: pulumi.Input<pulumi.Input<"ssh-path">[]>;
	/**
	 * What the bridge does without a controller: `"standalone"` forwards as a switch, `"secure"` forwards nothing by itself.
	 * Default: Open vSwitch's own (standalone). A change in place clears the flows.
	 */
	failMode?: pulumi.Input<"standalone" | "secure">;
	/** Rapid Spanning Tree (IEEE 802.1D-2004). Default: off. Changes in place. */
	rstp?: pulumi.Input<boolean>;
	/** Spanning Tree (IEEE 802.1D-1998). Default: off. Not together with `rstp`. Changes in place. */
	stp?: pulumi.Input<boolean>;
	/** IGMP and MLD snooping (RFC 4541). Default: off. Changes in place. */
	mcastSnooping?: pulumi.Input<boolean>;
	/** OpenFlow controllers, as `ovs-vsctl set-controller` takes them: `"tcp:192.0.2.1:6653"`. Default: none. Changes in place. */
	controllers?: pulumi.Input<pulumi.Input<string>[]>;
	/** The OpenFlow versions to speak, for example `["OpenFlow13"]`. Default: Open vSwitch's own. Changes in place. */
	protocols?: pulumi.Input<pulumi.Input<string>[]>;
	/**
	 * Keys of the `other_config` column. `hwaddr`, a unicast address with colons, is set by netplumb unless it stands here. Default: none
	 * else. Changes in place.
	 */
	otherConfig?: pulumi.Input<Record<string, pulumi.Input<string>>>;
	/**
	 * Takes over a bridge of this name that exists already and that nobody owns. It keeps its ports; its settings are given
	 * back when the resource is deleted. Default: false, and such a bridge is a conflict. Changes in place.
	 */
	adopt?: pulumi.Input<boolean>;
}

/**
 * An Open vSwitch bridge on one host.
 *
 * ```ts
 * const bridge = new OvsBridge("apps", { host, addresses: ["10.20.0.1/24"] });
 * ```
 */
export class OvsBridge extends NetplumbResource {
	/** The bridge's name on the host. */
	declare readonly name: pulumi.Output<string>;
	/** `datapath_id` of the bridge, 16 hex digits: how OpenFlow controllers know it. */
	declare readonly datapathId: pulumi.Output<string>;
	/** The MAC address of the bridge's own port. */
	declare readonly mac: pulumi.Output<string>;
	/** The addresses of the host that uplinks brought to the bridge's own port, and that go back with them. */
	declare readonly uplinkAddresses: pulumi.Output<string[]>;
	/** The addresses of the bridge's own port that the program declared, in canonical form. */
	declare readonly addresses: pulumi.Output<string[] | undefined>;

	/** Reads a bridge that another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: OvsBridgeArgs, opts?: pulumi.CustomResourceOptions): OvsBridge {
		return new OvsBridge(name, args, existing(id, opts));
	}

	constructor(name: string, args: OvsBridgeArgs, opts?: pulumi.CustomResourceOptions) {
		super("OvsBridge", name, { name: undefined, addresses: undefined, ...args }, ["datapathId", "mac", "uplinkAddresses"], opts);
	}
}
