import type * as pulumi from "@pulumi/pulumi";
import { existing, type HostInput, NetplumbResource } from "./resource";

/** The inputs of a `StaticRoute`. */
export interface StaticRouteArgs {
	/** The host that gets the route. Another address or port replaces the route. */
	host: HostInput;
	/** A network of this host: packets between it and `to` are forwarded, also where Docker forwards nothing else. Changes in place. */
	from: pulumi.Input<string>;
	/** The network that the route leads to, IPv4 or IPv6 (`"10.80.2.0/24"`). The host has no address in it. A change replaces the route. */
	to: pulumi.Input<string>;
	/** The neighbour's address, on a segment that the two share. A host behind a router is refused. Changes in place. */
	via: pulumi.Input<string>;
}

/**
 * A route of a host to a network behind a neighbour, in the kernel's main table. Declare the way back on the neighbour. What is routed is
 * neither encapsulated nor encrypted.
 *
 * ```ts
 * new StaticRoute("to-b", { host: a, from: "10.80.1.0/24", to: "10.80.2.0/24", via: "192.0.2.12" });
 * ```
 */
export class StaticRoute extends NetplumbResource {
	/** The network that the route leads to, in canonical form. */
	declare readonly to: pulumi.Output<string>;
	/** The neighbour's address, in canonical form. */
	declare readonly via: pulumi.Output<string>;

	/** Reads a route that another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: StaticRouteArgs, opts?: pulumi.CustomResourceOptions): StaticRoute {
		return new StaticRoute(name, args, existing(id, opts));
	}

	constructor(name: string, args: StaticRouteArgs, opts?: pulumi.CustomResourceOptions) {
		super("StaticRoute", name, { ...args }, [], opts);
	}
}
