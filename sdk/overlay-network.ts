import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { derivedName, parseIp } from "./addressing/index";
import { MAX_KEY, overhead, type TunnelType } from "./addressing/tunnel";
import type { Host } from "./host";
import { warnNotEncrypted } from "./not-encrypted";
import { OvnNetwork, type OvnNetworkArgs } from "./ovn-network";
import type { OvnSwitch } from "./ovn-switch";
import { OvsBridge } from "./ovs-bridge";
import { OvsTunnel } from "./ovs-tunnel";
import { madeOr } from "./resource";
import { Subnet } from "./subnet";
import { type Link, links } from "./topology";

/** The inputs of an `OverlayNetwork`. */
export interface OverlayNetworkArgs {
	/** The hosts, by names of your choice. Adding or removing one makes or deletes its bridge and its tunnels, and touches nothing else. */
	hosts: Record<string, Host>;
	/** The network of the containers: a `Subnet`, or its text. It changes nothing on a host; addresses are those of `StaticContainerIp`. */
	subnet: Subnet | string;
	/**
	 * The addresses that the hosts have for each other, by the names in `hosts`, IPv4 or IPv6. Default: the address that the host is reached at,
	 * which must then be an address and no name. Changes in place.
	 */
	endpoints?: Record<string, pulumi.Input<string>>;
	/** The encapsulation. Default: `"vxlan"`. A change replaces all tunnels. */
	type?: TunnelType;
	/**
	 * The number of the network in the tunnels. `"none"`: none, which saves GRE four bytes; between two hosts there can then be one such network of
	 * a type. Default: derived from project, stack and name. Changes in place.
	 */
	key?: pulumi.Input<number | "none">;
	/**
	 * `"mesh"`: a tunnel between any two hosts, without loops by split horizon. `"hub"`: one tunnel from each host to the hub,
	 * which forwards between them. Default: `"mesh"`. A change makes and deletes tunnels, and replaces none that stays.
	 */
	topology?: "mesh" | "hub";
	/** The name of the hub. Default: the first of `hosts`. Another one takes two `up`s, the first of them with `topology: "mesh"`. */
	hub?: string;
	/** The MTU inside, in bytes. Default: 1500 less the encapsulation. A host whose underlay carries less is refused. Changes in place. */
	mtu?: pulumi.Input<number>;
	/** The datapath of the bridges; see `OvsBridge`. A change replaces bridges and tunnels. */
	datapath?: pulumi.Input<"system" | "netdev">;
	/**
	 * `"ovs"`: bridges and tunnels, declared one by one. `"ovn"`: a logical switch of OVN, which makes the tunnels itself, with rules, port security
	 * and names; `ovn` says how, and of the inputs above all but `hosts`, `subnet` and `mtu` are refused. Default: `"ovs"`. A change replaces everything
	 * of the network; attachments move in place.
	 */
	engine?: "ovs" | "ovn";
	/** What engine `"ovn"` needs. */
	ovn?: OvnNetworkArgs;
}

/** More about a member of the network. */
export interface OverlayMemberArgs {
	/** The member's addresses, without prefix lengths. Default: the one that `subnet` allocates to its name. */
	addresses?: pulumi.Input<string>[];
}

/** What a `VethAttachment` on one host of the network needs. */
export interface OverlayPlace {
	/** The host of the bridge. */
	host: Host;
	/** The name of the network's bridge there. */
	bridge: pulumi.Output<string>;
	/** The MTU for attachments, in bytes: what the tunnels carry. */
	mtu: pulumi.Output<number>;
	/** The MAC address that the member must have. Engine `"ovn"` only. */
	mac?: pulumi.Output<string>;
	/** The member's logical port. Engine `"ovn"` only. */
	ovnPort?: pulumi.Output<string>;
}

/**
 * One layer 2 network over several hosts: a bridge on each, and tunnels between them. It is not encrypted.
 *
 * ```ts
 * const net = new OverlayNetwork("apps", { hosts: { a, b, c }, subnet: "10.70.0.0/24" });
 * const attachment = new VethAttachment("web", { ...net.on("a"), container });
 * new StaticContainerIp("web", { attachment, addresses: [net.subnet.allocate("web")] });
 * ```
 */
export class OverlayNetwork extends pulumi.ComponentResource {
	/** The network's addresses: `subnet.allocate("web")`. */
	readonly subnet: Subnet;
	/** The MTU inside, in bytes. */
	readonly mtu: pulumi.Output<number>;
	/** The number of the network in the tunnels; undefined for none, and with engine `"ovn"`, which deals out its own. */
	readonly key: pulumi.Output<number | undefined>;

	readonly #places = new Map<string, OverlayPlace>();
	readonly #name: string;
	readonly #hosts: Record<string, Host>;
	readonly #ovn: OvnNetwork | undefined;

	constructor(name: string, args: OverlayNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
		super("netplumb:index:OverlayNetwork", name, {}, opts);
		this.subnet = typeof args.subnet === "string" ? new Subnet(args.subnet) : args.subnet;
		this.#name = name;
		this.#hosts = args.hosts;
		if (args.engine === "ovn") {
			this.#ovn = new OvnNetwork(name, args.hosts, ovnArgs(name, args), args.mtu, this.subnet, this);
			this.mtu = this.#ovn.mtu;
			this.key = pulumi.output(undefined);
			this.registerOutputs({ mtu: this.mtu, subnet: this.subnet.cidr });
			return;
		}
		if (args.ovn !== undefined)
			throw new TypeError(
				`OverlayNetwork ${name}: ovn: found it without engine: "ovn", expected both; add the engine, or remove it`,
			);
		const { hosts, type = "vxlan" } = args;
		const names = Object.keys(hosts);
		const wanted = links(name, names, args.topology ?? "mesh", args.hub);
		for (const host of Object.keys(args.endpoints ?? {}))
			if (!names.includes(host))
				throw new TypeError(
					`OverlayNetwork ${name}: endpoints: found ${JSON.stringify(host)}, expected one of the hosts ${names.join(", ")}; correct the name`,
				);
		const given = pulumi.output(args.key ?? derivedKey(`${pulumi.getProject()}/${pulumi.getStack()}/${name}`, type));
		const key = given.apply((number) => (number === "none" ? undefined : number));
		this.key = key;
		const endpoint = (host: string) => pulumi.output(args.endpoints?.[host] ?? hosts[host]!.args.address);
		const ends = pulumi.all(names.map(endpoint));
		const fits = pulumi
			.all([ends, key])
			.apply(
				([addresses, number]) =>
					1500 -
					Math.max(...addresses.map((remote) => overhead({ type, remote, ...(number === undefined ? {} : { key: number }) }))),
			);
		this.mtu = pulumi.output(args.mtu ?? fits);
		const { datapath } = args;
		for (const host of names) {
			const child = `${name}-${host}-bridge`;
			const own = derivedName(name, `${pulumi.getProject()}/${pulumi.getStack()}/${child}`);
			const made = new OvsBridge(
				child,
				{ host: hosts[host]!, name: own, mtu: this.mtu, ...(datapath === undefined ? {} : { datapath }) },
				{ parent: this },
			);
			this.#places.set(host, { host: hosts[host]!, bridge: madeOr(made, made.name, own), mtu: this.mtu });
		}
		const tunnel = ({ from, to, protect }: Link) => {
			const { host, bridge } = this.#places.get(from)!;
			const common = { host, bridge, type, key, mtu: this.mtu, protected: protect };
			new OvsTunnel(`${name}-${from}--${to}`, { ...common, remote: endpoint(to).apply(literal(name, to)) }, { parent: this });
		};
		warnNotEncrypted(this, this, `network ${name}`);
		for (const link of wanted) tunnel(link);
		this.registerOutputs({ mtu: this.mtu, key: this.key, subnet: this.subnet.cidr });
	}

	/** The logical switch of the network, for `OvnRouter`. Engine `"ovn"` only; with another one, it is an error to ask for it. */
	get ovnSwitch(): OvnSwitch {
		if (this.#ovn) return this.#ovn.logicalSwitch;
		throw new TypeError(
			`OverlayNetwork ${this.#name}: ovnSwitch: found a network of bridges, which has none, expected engine: "ovn"; add the engine`,
		);
	}

	/**
	 * The host of this name, its bridge and the MTU, as a `VethAttachment` takes them. `member` names the container in the network: with
	 * engine `"ovn"` it has to be given, and the member gets a logical port; engine `"ovs"` has no use for it.
	 */
	on(host: string, member?: string, args: OverlayMemberArgs = {}): OverlayPlace {
		const known = Object.keys(this.#hosts);
		if (!known.includes(host))
			throw new TypeError(
				`OverlayNetwork: found ${JSON.stringify(host)}, expected one of the hosts ${known.join(", ")}; correct the name`,
			);
		if (!this.#ovn) return this.#places.get(host)!;
		if (member === undefined)
			throw new TypeError(
				`OverlayNetwork: found no member for ${host}, expected a name, because engine "ovn" gives each container a port of its own; write on(${JSON.stringify(host)}, "web")`,
			);
		return this.#ovn.on(host, member, args.addresses ?? [this.subnet.allocate(member).split("/")[0]!]);
	}
}

/** With OVN, tunnels are the business of the chassis. */
function ovnArgs(name: string, args: OverlayNetworkArgs): OvnNetworkArgs {
	const of = (what: string) => new TypeError(`OverlayNetwork ${name}: ${what}`);
	const useless = (["endpoints", "type", "key", "topology", "hub", "datapath"] as const).find(
		(input) => args[input] !== undefined,
	);
	if (useless !== undefined)
		throw of(`${useless}: found it beside engine: "ovn", expected it left out; OvnChassis says how hosts reach each other`);
	if (args.ovn === undefined) throw of(`ovn: found nothing, expected { central, chassis }; give it what engine: "ovn" needs`);
	return args.ovn;
}

/** A number that another network of the same hosts has only by a rare chance, and then the hosts refuse it. Never 0, which is "none". */
function derivedKey(owner: string, type: TunnelType): number {
	return 1 + (createHash("sha256").update(owner).digest().readUInt32BE() % Math.min(MAX_KEY[type], 0xffffff));
}

/** Open vSwitch resolves no names; the sentence says where an address can be given. */
function literal(network: string, host: string): (address: string) => string {
	return (address) => {
		if (parseIp(address)) return address;
		throw new TypeError(
			`OverlayNetwork ${network}: found the name ${JSON.stringify(address)} for host ${host}, expected an IP address, because tunnels take no names; give it in endpoints: { ${JSON.stringify(host)}: "192.0.2.1" }`,
		);
	};
}
