import type * as pulumi from "@pulumi/pulumi";
import type { OvnTls } from "./ovn-central";
import { existing, type HostInput, NetplumbResource } from "./resource";

/** A rule of a logical switch. Of those that match a packet, the one with the highest priority decides; without one it is allowed. */
export interface OvnAcl {
	/** `"to-lport"`: on the way to a container. `"from-lport"`: on the way from it. */
	direction: pulumi.Input<"to-lport" | "from-lport">;
	/** 0 to 32767; of the rules that match, the highest counts. */
	priority: pulumi.Input<number>;
	/**
	 * Which packets, in OVN's language: `ip4.src == 10.70.0.5 && tcp.dst == 80` (ovn-sb(5), "Logical Flow match"). OVN ignores a rule
	 * that it cannot read.
	 */
	match: pulumi.Input<string>;
	/** What happens to them. `"allow-related"` lets the answers back too. */
	action: pulumi.Input<"allow" | "allow-related" | "allow-stateless" | "drop" | "reject">;
}

/** What containers are told that ask for an address by DHCP. Each gets the one that its `OvnPort` declares; others get no answer. */
export interface OvnDhcp {
	/** The IPv4 network of the switch: `"10.70.0.0/24"`, /30 or wider. Ports with an address in it are served. */
	subnet: pulumi.Input<string>;
	/** The default gateway, inside `subnet`. Default: none. */
	router?: pulumi.Input<string>;
	/** The name servers. Default: the switch's own `dns` address, where it has one. */
	dns?: pulumi.Input<pulumi.Input<string>[]>;
	/** The MTU in bytes, 68 to 65535: that of the attachments. Default: not said. */
	mtu?: pulumi.Input<number>;
	/** How long a lease is, in seconds, 60 or more. Default: 3600. */
	leaseSeconds?: pulumi.Input<number>;
	/** The address that the server calls its own, inside `subnet`. Default: `router`, else the switch's `dns`, else the first one of the subnet. */
	server?: pulumi.Input<string>;
}

/** The inputs of an `OvnSwitch`. */
export interface OvnSwitchArgs {
	/** A host with ovn-nbctl: the one of `OvnCentral`, or another one that reaches `northbound`. Another address or port replaces the switch. */
	host: HostInput;
	/** The address of the northbound database. Default: its socket on the host. A change replaces the switch. */
	northbound?: pulumi.Input<string>;
	/** The files for TLS, where `northbound` is an ssl address. Default: none. Changes in place. */
	tls?: pulumi.Input<OvnTls>;
	/** The switch's name. Default: derived from the resource's name. A change replaces the switch. */
	name?: pulumi.Input<string>;
	/** The rules. Default: none, and everything is allowed. Changes in place, all of them at once. */
	acls?: pulumi.Input<pulumi.Input<OvnAcl>[]>;
	/** An IPv4 address at which containers ask for the names of ports (`OvnPort.hostnames`). Default: none. Changes in place. */
	dns?: pulumi.Input<string>;
	/** DHCP for the addresses that the ports declare (`OvnPort.addresses`). Default: none. Changes in place, for leases that are renewed. */
	dhcp?: pulumi.Input<OvnDhcp>;
	/**
	 * Connects the switch with a network outside of OVN, at the bridge that `OvnChassis.bridgeMappings` has for it on each host: its name there, and
	 * the VLAN in which its frames are. Default: none. Changes in place.
	 */
	localnet?: pulumi.Input<{ network: pulumi.Input<string>; vlan?: pulumi.Input<number> }>;
}

/**
 * A logical switch of OVN: one layer 2 network over all hosts that have a port of it.
 *
 * ```ts
 * const apps = new OvnSwitch("apps", { host, dns: "10.70.0.1" });
 * ```
 */
export class OvnSwitch extends NetplumbResource {
	/** The switch's name. */
	declare readonly name: pulumi.Output<string>;

	/** Reads a switch that another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: OvnSwitchArgs, opts?: pulumi.CustomResourceOptions): OvnSwitch {
		return new OvnSwitch(name, args, existing(id, opts));
	}

	constructor(name: string, args: OvnSwitchArgs, opts?: pulumi.CustomResourceOptions) {
		super("OvnSwitch", name, { name: undefined, ...args }, [], opts);
	}
}
