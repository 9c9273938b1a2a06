// What an OverlayNetwork with engine "ovn" is made of.
import * as pulumi from "@pulumi/pulumi";
import { overhead } from "./addressing/tunnel";
import type { Host } from "./host";
import type { OvnCentral, OvnTls } from "./ovn-central";
import type { OvnChassis } from "./ovn-chassis";
import { OvnPort } from "./ovn-port";
import { type OvnAcl, type OvnDhcp, OvnSwitch } from "./ovn-switch";
import { type HostInput, madeOr } from "./resource";
import type { Subnet } from "./subnet";

/** A northbound database that is there already. */
export interface OvnNorthbound {
	/** A host with ovn-nbctl that reaches it. */
	host: HostInput;
	/** Its address. Default: its socket on the host. */
	northbound?: pulumi.Input<string>;
	/** The files for TLS, where `northbound` is an ssl address. */
	tls?: pulumi.Input<OvnTls>;
}

/** What an `OverlayNetwork` with `engine: "ovn"` needs besides. */
export interface OvnNetworkArgs {
	/** An `OvnCentral`, or a northbound database that is there already. Another one replaces switch and ports. */
	central: OvnCentral | OvnNorthbound;
	/** The `OvnChassis` of each host, by the names in `hosts`. One serves all networks of its host. */
	chassis: Record<string, OvnChassis>;
	/** The rules of the network, as of `OvnSwitch`. Default: none, and everything is allowed. Changes in place. */
	acls?: pulumi.Input<pulumi.Input<OvnAcl>[]>;
	/** An IPv4 address at which containers ask for the names of members. Default: none. Changes in place. */
	dns?: pulumi.Input<string>;
	/** DHCP for the members, as of `OvnSwitch`, in the network's subnet and with its MTU; `{}` is enough. Default: none. Changes in place. */
	dhcp?: pulumi.Input<Omit<OvnDhcp, "subnet" | "mtu">>;
}

/** What a `VethAttachment` of a member needs. */
export interface OvnPlace {
	host: Host;
	bridge: pulumi.Output<string>;
	mtu: pulumi.Output<number>;
	mac: pulumi.Output<string>;
	ovnPort: pulumi.Output<string>;
}

/** The option that OVN adds to the Geneve header: which logical ports a packet comes from and goes to (ovn-architecture(7), "Tunnel Encapsulations"). */
const OPTION = 8;

/** Of this copy of the package or another. */
const isCentral = (central: OvnCentral | OvnNorthbound): central is OvnCentral => pulumi.CustomResource.isInstance(central);

export class OvnNetwork {
	readonly mtu: pulumi.Output<number>;
	readonly logicalSwitch: OvnSwitch;
	readonly #where: OvnNorthbound;
	readonly #members = new Map<string, { host: string; port: OvnPort }>();

	constructor(
		private readonly name: string,
		private readonly hosts: Record<string, Host>,
		private readonly args: OvnNetworkArgs,
		mtu: pulumi.Input<number> | undefined,
		subnet: Subnet,
		private readonly parent: pulumi.Resource,
	) {
		for (const host of Object.keys(hosts))
			if (!Object.hasOwn(args.chassis, host))
				throw new TypeError(
					`OverlayNetwork ${name}: ovn.chassis: found none for host ${host}, expected one for each of hosts; make an OvnChassis there`,
				);
		const { central, acls, dns } = args;
		const ends = pulumi.all(Object.keys(hosts).map((host) => args.chassis[host]!.encapIp));
		const fits = ends.apply((all) => 1500 - OPTION - Math.max(...all.map((remote) => overhead({ type: "geneve", remote }))));
		this.mtu = pulumi.output(mtu ?? fits);
		const dhcp = pulumi.all([args.dhcp ?? {}, this.mtu]).apply(([more, mtu]) => ({ ...more, subnet: subnet.cidr, mtu }));
		this.#where = isCentral(central) ? { host: central.host } : central;
		const optional = {
			...(acls === undefined ? {} : { acls }),
			...(dns === undefined ? {} : { dns }),
			...(args.dhcp === undefined ? {} : { dhcp }),
		};
		this.logicalSwitch = new OvnSwitch(`${name}-switch`, { ...this.#where, ...optional }, { parent });
	}

	/** The logical port of a member, made when it is asked for first. */
	on(host: string, member: string, addresses: pulumi.Input<string>[]): OvnPlace {
		const known = this.#members.get(member);
		if (known && known.host !== host)
			throw new TypeError(
				`OverlayNetwork ${this.name}: found the member ${JSON.stringify(member)} on ${host}, expected it on ${known.host} alone; give one of the two another name`,
			);
		const port = known?.port ?? this.#port(member, addresses);
		this.#members.set(member, { host, port });
		const chassis = this.args.chassis[host]!;
		return {
			host: this.hosts[host]!,
			bridge: madeOr(chassis, chassis.bridge, "br-int"),
			mtu: this.mtu,
			mac: port.mac,
			ovnPort: madeOr(port, port.name, "port-not-made"),
		};
	}

	#port(member: string, addresses: pulumi.Input<string>[]): OvnPort {
		const names = this.args.dns === undefined ? {} : { hostnames: [member.toLowerCase()] };
		const args = { ...this.#where, switch: this.logicalSwitch, addresses, ...names };
		return new OvnPort(`${this.name}-${member}`, args, { parent: this.parent });
	}
}
