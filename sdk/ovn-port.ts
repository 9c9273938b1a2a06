import type * as pulumi from "@pulumi/pulumi";
import type { OvnTls } from "./ovn-central";
import type { OvnSwitch } from "./ovn-switch";
import { bridgeName, existing, type HostInput, NetplumbResource } from "./resource";

/** The inputs of an `OvnPort`. */
export interface OvnPortArgs {
	/** A host with ovn-nbctl, as of the `OvnSwitch`; not the one of the container. Another address or port replaces the port. */
	host: HostInput;
	/** The address of the northbound database. Default: its socket on the host. A change replaces the port. */
	northbound?: pulumi.Input<string>;
	/** The files for TLS, where `northbound` is an ssl address. Default: none. Changes in place. */
	tls?: pulumi.Input<OvnTls>;
	/** The logical switch: an `OvnSwitch`, or the name of one that exists. A change replaces the port. */
	switch: OvnSwitch | pulumi.Input<string>;
	/** The port's name, unique in the whole database. Default: derived from the resource's name. A change replaces the port. */
	name?: pulumi.Input<string>;
	/** The MAC address of the container's interface. Default: derived from project, stack and name. Changes in place. */
	mac?: pulumi.Input<string>;
	/** The addresses of the container, without prefix lengths. Default: any. Changes in place. */
	addresses?: pulumi.Input<pulumi.Input<string>[]>;
	/** Whether packets from another MAC or IP address are dropped. Default: true. Changes in place. */
	portSecurity?: pulumi.Input<boolean>;
	/** Names that stand for `addresses` at the `dns` address of the switch, in lower case; not without `addresses`. Default: none. Changes in place. */
	hostnames?: pulumi.Input<pulumi.Input<string>[]>;
}

/**
 * A port of a logical switch. The interface that it is, on whatever host, is a `VethAttachment` with `ovnPort` and its `mac`.
 *
 * ```ts
 * const port = new OvnPort("web", { host, switch: apps, addresses: ["10.70.0.5"], hostnames: ["web"] });
 * const wire = new VethAttachment("web", { host: a, container, bridge: chassis.bridge, ovnPort: port.name, mac: port.mac });
 * ```
 */
export class OvnPort extends NetplumbResource {
	/** The port's name. */
	declare readonly name: pulumi.Output<string>;
	/** The MAC address of the container's interface. */
	declare readonly mac: pulumi.Output<string>;

	/** Reads a port that another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: OvnPortArgs, opts?: pulumi.CustomResourceOptions): OvnPort {
		return new OvnPort(name, args, existing(id, opts));
	}

	constructor(name: string, args: OvnPortArgs, opts?: pulumi.CustomResourceOptions) {
		super("OvnPort", name, { name: undefined, mac: undefined, ...args, switch: bridgeName(args.switch) }, [], opts);
	}
}
