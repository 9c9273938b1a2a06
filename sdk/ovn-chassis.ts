import type * as pulumi from "@pulumi/pulumi";
import { warnNotEncrypted } from "./not-encrypted";
import type { OvnTls } from "./ovn-central";
import type { OvsBridge } from "./ovs-bridge";
import { bridgeName, existing, type HostInput, NetplumbResource } from "./resource";

/** The inputs of an `OvnChassis`. */
export interface OvnChassisArgs {
	/** The host, on which ovn-controller runs (package ovn-host). Another address or port replaces the resource. */
	host: HostInput;
	/** The address of the southbound database: `central.southbound`, or `ssl:192.0.2.11:6642`; several with commas between. Changes in place. */
	southbound: pulumi.Input<string>;
	/** The host's own address, to which the other hosts send their tunnels. Changes in place. */
	encapIp: pulumi.Input<string>;
	/** The encapsulation of the tunnels. Default: `"geneve"`. Changes in place. */
	encapType?: pulumi.Input<"geneve" | "vxlan">;
	/** The chassis' name, unique among all hosts. Default: Open vSwitch's `system-id`, which its package makes. A change replaces the resource. */
	systemId?: pulumi.Input<string>;
	/** The datapath of ovn-controller's bridge. Default: `"system"`, or `"netdev"` where the kernel has no module. Changes in place. */
	datapath?: pulumi.Input<"system" | "netdev">;
	/**
	 * The bridges of networks outside of OVN, by the names that `OvnSwitch.localnet` has for these: an `OvsBridge`, or the name of one. Default: none.
	 * Changes in place.
	 */
	bridgeMappings?: Record<string, OvsBridge | pulumi.Input<string>>;
	/** The files for TLS, where `southbound` is an ssl address. Default: none. Changes in place. */
	tls?: pulumi.Input<OvnTls>;
	/** Takes over the settings of an ovn-controller that has some already; a delete gives them back. Default: false. Changes in place. */
	adopt?: pulumi.Input<boolean>;
}

/**
 * A host's part in OVN: what its ovn-controller has to know. The daemon is that of the distribution.
 *
 * ```ts
 * const chassis = new OvnChassis("a", { host: a, southbound: central.southbound, encapIp: "192.0.2.11" });
 * ```
 */
export class OvnChassis extends NetplumbResource {
	/** The name of ovn-controller's bridge, for `VethAttachment`. */
	declare readonly bridge: pulumi.Output<string>;
	/** The chassis' name. */
	declare readonly chassis: pulumi.Output<string>;
	/** The address of the tunnels. */
	declare readonly encapIp: pulumi.Output<string>;

	/** Reads what another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: OvnChassisArgs, opts?: pulumi.CustomResourceOptions): OvnChassis {
		return new OvnChassis(name, args, existing(id, opts));
	}

	constructor(name: string, args: OvnChassisArgs, opts?: pulumi.CustomResourceOptions) {
		const bridges = Object.entries(args.bridgeMappings ?? {}).map(([network, bridge]) => [network, bridgeName(bridge)]);
		const plain = { ...args, ...(args.bridgeMappings === undefined ? {} : { bridgeMappings: Object.fromEntries(bridges) }) };
		super("OvnChassis", name, plain, ["bridge", "chassis"], opts);
		warnNotEncrypted(opts?.parent, this, `chassis ${name}`);
	}
}
