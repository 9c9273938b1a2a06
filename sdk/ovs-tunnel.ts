import type * as pulumi from "@pulumi/pulumi";
import { warnNotEncrypted } from "./not-encrypted";
import type { OvsBridge } from "./ovs-bridge";
import { bridgeName, existing, type HostInput, NetplumbResource } from "./resource";

/** The inputs of an `OvsTunnel`. */
export interface OvsTunnelArgs {
	/** The host of this end. Another address or port replaces the tunnel. */
	host: HostInput;
	/** The Open vSwitch bridge that the tunnel is a port of: an `OvsBridge`, or the name of one that exists. A change replaces the tunnel. */
	bridge: OvsBridge | pulumi.Input<string>;
	/** The encapsulation: VXLAN (RFC 7348), Geneve (RFC 8926) or GRE (RFC 2784, 2890). The same on both ends. A change replaces the tunnel. */
	type: pulumi.Input<"vxlan" | "geneve" | "gre">;
	/**
	 * The address of the other end, IPv4 or IPv6. Names are not resolved. Frames from any other address do not come in. Changes
	 * in place.
	 */
	remote: pulumi.Input<string>;
	/**
	 * The number of the network in the tunnel (VNI, GRE key), the same on both ends: 0 to 16777215, with GRE to 4294967295. Two tunnels between
	 * two hosts need two. Default: none, which is 0. Changes in place.
	 */
	key?: pulumi.Input<number | undefined>;
	/** This end's address, one that the host has: frames to any other do not come in. Default: what the route to `remote` says. Changes in place. */
	localIp?: pulumi.Input<string>;
	/** The UDP port, the same on both ends, 1 to 65535; not with GRE. Default: 4789 for VXLAN, 6081 for Geneve. Changes in place. */
	port?: pulumi.Input<number>;
	/**
	 * The MTU of the network inside, in bytes, 68 to 65535. A host whose underlay does not carry it is refused. Default: what the underlay carries:
	 * the MTU of the interface to `remote`, less the encapsulation. Changes in place.
	 */
	mtu?: pulumi.Input<number>;
	/** The outer packet's type of service, a multiple of 4 up to 252, or `"inherit"` for the inner one's. Default: 0. Changes in place. */
	tos?: pulumi.Input<number | "inherit">;
	/** The outer packet's time to live, 1 to 255, or `"inherit"` for the inner one's. Default: 64. Changes in place. */
	ttl?: pulumi.Input<number | "inherit">;
	/** Whether the outer packet forbids fragmentation. Default: true. Changes in place. */
	df?: pulumi.Input<boolean>;
	/** Whether the outer packet has a checksum of its content. Default: Open vSwitch's own. Changes in place. */
	csum?: pulumi.Input<boolean>;
	/**
	 * Split horizon: what comes in through a protected port does not leave through another one. All tunnels of a full mesh have it, or
	 * the mesh is a loop. Default: false. Changes in place.
	 */
	protected?: pulumi.Input<boolean>;
	/** The VLANs that the tunnel carries, tagged, at least one; others, and untagged frames, are dropped. Default: everything. Changes in place. */
	trunks?: pulumi.Input<pulumi.Input<number>[]>;
	/** The port's name, at most 15 bytes. Default: derived from the resource's name. A change replaces the tunnel. */
	name?: pulumi.Input<string>;
}

/**
 * One end of a tunnel between the bridges of two hosts. Declare the other end on the other host. Tunnels are not encrypted.
 *
 * ```ts
 * const there = new OvsTunnel("to-b", { host: a, bridge, type: "vxlan", remote: "10.0.0.2", key: 42 });
 * ```
 */
export class OvsTunnel extends NetplumbResource {
	/** The port's name on the host. */
	declare readonly name: pulumi.Output<string>;
	/** The MTU of the network inside, in bytes: the declared one, or what the underlay carries. */
	declare readonly mtu: pulumi.Output<number>;
	/** The address of the other end, in canonical form. */
	declare readonly remote: pulumi.Output<string>;

	/** Reads a tunnel that another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: OvsTunnelArgs, opts?: pulumi.CustomResourceOptions): OvsTunnel {
		return new OvsTunnel(name, args, existing(id, opts));
	}

	constructor(name: string, args: OvsTunnelArgs, opts?: pulumi.CustomResourceOptions) {
		const bridge = bridgeName(args.bridge);
		super("OvsTunnel", name, { name: undefined, mtu: undefined, ...args, bridge }, [], opts);
		warnNotEncrypted(opts?.parent, this, `tunnel ${name}`);
	}
}
