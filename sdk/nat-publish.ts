import type * as pulumi from "@pulumi/pulumi";
import { existing, type HostInput, NetplumbResource } from "./resource";
import { StaticContainerIp } from "./static-container-ip";

/** The inputs of a `NatPublish`. */
export interface NatPublishArgs {
	/** The host whose ports are published. Another address or port replaces the resource. */
	host: HostInput;
	/** The transport protocol. Default: `"tcp"`. Changes in place. */
	protocol?: pulumi.Input<"tcp" | "udp" | "sctp">;
	/**
	 * The host's address that publishes, of the target's family; it need not be there yet. Default: all of the host's addresses but
	 * its loopback addresses. Changes in place.
	 */
	hostIp?: pulumi.Input<string>;
	/** The host's port (`3306` or `"3306"`), or a range of them (`"8000-8999"`). Changes in place. */
	hostPorts: pulumi.Input<string | number>;
	/** Where the connections go: a `StaticContainerIp` (its first address), or an IPv4 or IPv6 address. Changes in place. */
	target: StaticContainerIp | pulumi.Input<string>;
	/**
	 * The target's port; for a range, the one that belongs to the first. Default: the same as on the host. A range keeps its ports as
	 * one element of a map; with another target port it takes one element a port, at most 1024. Changes in place.
	 */
	targetPort?: pulumi.Input<number>;
	/**
	 * The networks whose clients may connect, in CIDR form and of the target's family. For others the port looks closed. The host's own
	 * processes always may. Default: everybody. Changes in place.
	 */
	allowFrom?: pulumi.Input<pulumi.Input<string>[]>;
	/**
	 * Whether clients in the target's own network can use the host's address too: the target then sees the host's address in their
	 * place. All other clients keep their address. Default: true. Changes in place.
	 */
	hairpin?: pulumi.Input<boolean>;
	/**
	 * Whether the host's own processes reach the port at 127.0.0.1 too; IPv4 only. Switches `route_localnet` on for the target's
	 * bridge, behind a guard that keeps everybody else from the host's loopback addresses. Default: false. Changes in place.
	 */
	localhost?: pulumi.Input<boolean>;
}

/**
 * A published port, as `docker run -p` makes it, for any container at any bridge: connections to a port of the host go to the target.
 * The target sees the address of the client. Connections that were there before follow a change at once.
 *
 * ```ts
 * new NatPublish("db", { host, hostPorts: 3306, target: ip, allowFrom: ["10.1.0.0/16"] });
 * ```
 */
export class NatPublish extends NetplumbResource {
	/** The host's port, or a range of them, as a text. */
	declare readonly hostPorts: pulumi.Output<string>;
	/** The address where the connections go. */
	declare readonly target: pulumi.Output<string>;

	/** Reads a published port that another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: NatPublishArgs, opts?: pulumi.CustomResourceOptions): NatPublish {
		return new NatPublish(name, args, existing(id, opts));
	}

	constructor(name: string, args: NatPublishArgs, opts?: pulumi.CustomResourceOptions) {
		super("NatPublish", name, { ...args, target: addressOf(args.target) }, [], opts);
	}
}

/** Its first address, or the one that was given. */
export function addressOf(target: StaticContainerIp | pulumi.Input<string>): pulumi.Input<string> {
	return StaticContainerIp.isInstance(target) ? (target as StaticContainerIp).ip : (target as pulumi.Input<string>);
}
