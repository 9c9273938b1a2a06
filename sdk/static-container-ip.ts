import type * as pulumi from "@pulumi/pulumi";
import { type ContainerInput, containerId, existing, type HostInput, madeOr, NetplumbResource } from "./resource";
import { portSecurityOf, type VethAttachment } from "./veth-attachment";

/** A route to another network. */
export interface RouteArgs {
	/** The destination in CIDR form. */
	to: pulumi.Input<string>;
	/** The next hop. Default: the destination is on the link itself. */
	via?: pulumi.Input<string>;
}

/** Which interface: one that netplumb attached, or one that Docker made. */
export type InterfaceArgs =
	| {
			/** The attachment whose interface gets the addresses. Another one replaces the resource. */
			attachment: VethAttachment;
			/** Not needed: the attachment's own counts. */
			host?: HostInput | undefined;
			container?: undefined;
			interface?: undefined;
	  }
	| {
			/** The host that the container is on. Another address or port replaces the resource. */
			host: HostInput;
			/** The container, which must be running. A change replaces the resource. */
			container: ContainerInput;
			/** An interface that the container has, for example Docker's `eth0`. A change replaces the resource. */
			interface: pulumi.Input<string>;
			attachment?: undefined;
	  };

/** The inputs of a `StaticContainerIp`. */
export type StaticContainerIpArgs = InterfaceArgs & {
	/** IPv4 and IPv6 addresses in CIDR form (`"10.20.0.10/24"`); at least one. Changes in place. */
	addresses: pulumi.Input<pulumi.Input<string>[]>;
	/** The IPv4 gateway, inside the subnet of one of the addresses (unless that is a /32). Default: none. Changes in place. */
	gateway?: pulumi.Input<string>;
	/** The IPv6 gateway, inside the subnet of one of the addresses (unless that is a /128), or link-local. Default: none. Changes in place. */
	gateway6?: pulumi.Input<string>;
	/**
	 * Whether the gateways become the container's default routes. A default route that was there before is parked with a high
	 * metric, and restored by delete. With `false` a gateway is only checked. Default: true where there is a gateway. Changes in place.
	 */
	defaultRoute?: pulumi.Input<boolean>;
	/** Further routes through this interface. Default: none. Changes in place. */
	routes?: pulumi.Input<pulumi.Input<RouteArgs>[]>;
	/**
	 * Whether the attachment has port security: what makes these addresses follow when it is switched. What counts is the attachment's
	 * own input. Default: what the attachment says. Changes in place.
	 */
	portSecurity?: pulumi.Input<boolean | undefined>;
	/**
	 * Takes over addresses that the interface has already. Deleting the resource leaves those that stood there before. Default: false.
	 * Changes in place.
	 */
	adopt?: pulumi.Input<boolean>;
};

/**
 * Fixed addresses, default routes and routes on one interface of a container. The neighbours are told at once where an
 * address now lives (gratuitous ARP, unsolicited neighbour advertisement).
 *
 * ```ts
 * const ip = new StaticContainerIp("web", { attachment, addresses: ["10.20.0.10/24"], gateway: "10.20.0.1" });
 * ```
 */
export class StaticContainerIp extends NetplumbResource {
	/** The addresses, in canonical CIDR form. */
	declare readonly addresses: pulumi.Output<string[]>;
	/** The first address, without its prefix length. */
	declare readonly ip: pulumi.Output<string>;

	/** Reads addresses that another program made with the same project, stack and resource name. Changes nothing. */
	static get(
		name: string,
		id: pulumi.Input<pulumi.ID>,
		args: StaticContainerIpArgs,
		opts?: pulumi.CustomResourceOptions,
	): StaticContainerIp {
		return new StaticContainerIp(name, args, existing(id, opts));
	}

	constructor(name: string, args: StaticContainerIpArgs, opts?: pulumi.CustomResourceOptions) {
		super("StaticContainerIp", name, place(args), ["ip"], opts, args.attachment);
	}
}

function place(args: StaticContainerIpArgs): { host: HostInput } & Record<string, unknown> {
	if (args.attachment !== undefined) {
		const { attachment, ...rest } = args;
		return {
			portSecurity: portSecurityOf(attachment),
			...rest,
			host: attachment.host,
			container: madeOr(attachment, attachment.container, "container-that-was-not-made"),
			interface: madeOr(attachment, attachment.interface, "eth1"),
		};
	}
	const { attachment: _, ...rest } = args;
	return { ...rest, container: containerId(args.container) };
}
