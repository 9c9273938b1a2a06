import type * as pulumi from "@pulumi/pulumi";
import { existing, type HostInput, NetplumbResource } from "./resource";

/** Files on the host, which the daemons and tools of OVN read there. netplumb never sees what is in them. */
export interface OvnTls {
	/** The path of the private key. */
	privateKey: pulumi.Input<string>;
	/** The path of the certificate. */
	certificate: pulumi.Input<string>;
	/** The path of the CA's certificate, with which the other side's is checked. */
	caCert: pulumi.Input<string>;
}

/** The inputs of an `OvnCentral`. */
export interface OvnCentralArgs {
	/** The host, on which ovn-northd and the two databases run (package ovn-central). Another address or port replaces the resource. */
	host: HostInput;
	/** The host's own address that the databases listen at. Changes in place. */
	address: pulumi.Input<string>;
	/** The port of the southbound database, for the chassis, 1 to 65535. Default: 6642. Changes in place. */
	southboundPort?: pulumi.Input<number>;
	/**
	 * The port of the northbound database, 1 to 65535, for programs on other hosts. Who reaches it can change every network. Default: none; netplumb
	 * itself uses the socket on the host. Changes in place.
	 */
	northboundPort?: pulumi.Input<number>;
	/** The files for TLS, or `false`: anybody who reaches the ports can then read and change every network. Changes in place. */
	tls: pulumi.Input<OvnTls | false>;
}

/**
 * The central part of OVN on a host: where its databases listen. The daemons are those of the distribution.
 *
 * ```ts
 * const central = new OvnCentral("ovn", { host, address: "192.0.2.11", tls: { privateKey, certificate, caCert } });
 * ```
 */
export class OvnCentral extends NetplumbResource {
	/** The address of the southbound database, as `OvnChassis` takes it: `ssl:192.0.2.11:6642`. */
	declare readonly southbound: pulumi.Output<string>;
	/** The address of the northbound database; undefined where it does not listen. */
	declare readonly northbound: pulumi.Output<string | undefined>;

	/** Reads what another program made with the same project, stack and resource name. Changes nothing. */
	static get(name: string, id: pulumi.Input<pulumi.ID>, args: OvnCentralArgs, opts?: pulumi.CustomResourceOptions): OvnCentral {
		return new OvnCentral(name, args, existing(id, opts));
	}

	constructor(name: string, args: OvnCentralArgs, opts?: pulumi.CustomResourceOptions) {
		super("OvnCentral", name, { ...args }, ["southbound", "northbound"], opts);
	}
}
