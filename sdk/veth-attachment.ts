import type * as pulumi from "@pulumi/pulumi";
import type { IsolatedNetwork } from "./isolated-network";
import type { OvsBridge } from "./ovs-bridge";
import { bridgeName, type ContainerInput, containerId, existing, type HostInput, NetplumbResource } from "./resource";

/**
 * The VLANs of a port: `{ tag }` for an access port, `{ trunks, native }` for a trunk. Numbers are 1 to 4094. `{}` is an access port without
 * a tag, in an isolated network with a `vlan` too.
 */
export interface VlanArgs {
	/** The one VLAN of an access port. The container sends and receives untagged frames. */
	tag?: pulumi.Input<number>;
	/** The VLANs that a trunk carries, tagged. */
	trunks?: pulumi.Input<pulumi.Input<number>[]>;
	/** The VLAN of a trunk's untagged frames. Default: none, and untagged frames are dropped. */
	native?: pulumi.Input<number>;
}

/** The inputs of a `VethAttachment`. */
export interface VethAttachmentArgs {
	/** The host that container and bridge are on. Another address or port replaces the attachment. */
	host: HostInput;
	/** The container, which must be running: a `docker.Container`, its id or its name. A change replaces the attachment. */
	container: ContainerInput;
	/**
	 * The bridge: an `OvsBridge`, an `IsolatedNetwork`, or the name of an Open vSwitch or Linux bridge that exists. Changes in place; one
	 * that is not made yet replaces the attachment.
	 */
	bridge: OvsBridge | IsolatedNetwork | pulumi.Input<string>;
	/** The interface's name inside the container, at most 15 bytes. Default: `"eth1"`. A change replaces the attachment. */
	interface?: pulumi.Input<string>;
	/** The name of the host's end, at most 15 bytes. Default: derived from the resource's name. A change replaces the attachment. */
	hostInterface?: pulumi.Input<string>;
	/** The MAC address inside the container. Default: derived from project, stack and name, the same after every restart. Changes in place. */
	mac?: pulumi.Input<string>;
	/** The MTU of both ends, in bytes, 68 to 65535. Default: the bridge's when the attachment is made. Changes in place. */
	mtu?: pulumi.Input<number>;
	/**
	 * The VLAN: a tag for an access port, or `VlanArgs`. Open vSwitch bridges only. Default: that of the isolated network, else an access
	 * port without tag, never a trunk. Changes in place.
	 */
	vlan?: pulumi.Input<number> | pulumi.Input<VlanArgs>;
	/**
	 * Holds the container to what is declared: its MAC address, the addresses of its `StaticContainerIp`s (and the link-local one of
	 * the MAC), untagged frames, no router advertisements, no DHCP answers. Everything else that it sends is dropped. Not with
	 * trunks. Default: true in an isolated network, else false. Changes in place.
	 */
	portSecurity?: pulumi.Input<boolean>;
	/**
	 * The logical port of OVN that the interface is: the name of an `OvnPort`, whose `mac` the interface needs. The bridge is then the
	 * one of `OvnChassis`; `vlan`, `portSecurity: true` and `adopt` are refused beside it. Default: none. Changes in place.
	 */
	ovnPort?: pulumi.Input<string>;
	/**
	 * Takes over a veth pair of these names that connects the container and an Open vSwitch bridge of the host already and that nobody
	 * owns. Deleting the resource gives it its settings back and leaves it. Not beside `ovnPort`. Default: false, and such an interface is
	 * a conflict. Changes in place.
	 */
	adopt?: pulumi.Input<boolean>;
}

/** What was declared, which a preview knows also where it does not know the outputs. */
const declared = new WeakMap<VethAttachment, pulumi.Input<boolean> | undefined>();

export function portSecurityOf(attachment: VethAttachment): pulumi.Input<boolean> | undefined {
	return declared.get(attachment);
}

/**
 * An interface in a running container, connected to a bridge of its host by a veth pair. It works for any container that has a
 * network of its own, also with `networkMode: "none"`.
 *
 * ```ts
 * const wire = new VethAttachment("web", { host, container, bridge, vlan: 10 });
 * ```
 */
export class VethAttachment extends NetplumbResource {
	/** The id or name of the container. */
	declare readonly container: pulumi.Output<string>;
	/** The interface's name inside the container. */
	declare readonly interface: pulumi.Output<string>;
	/** The name of the host's end, which is also the name of the bridge port. */
	declare readonly hostInterface: pulumi.Output<string>;
	/** The MAC address inside the container. */
	declare readonly mac: pulumi.Output<string>;
	/** The MTU of both ends, in bytes. */
	declare readonly mtu: pulumi.Output<number>;
	/** The bridge's name. */
	declare readonly bridge: pulumi.Output<string>;

	/** Reads an attachment that another program made with the same project, stack and resource name. Changes nothing. */
	static get(
		name: string,
		id: pulumi.Input<pulumi.ID>,
		args: VethAttachmentArgs,
		opts?: pulumi.CustomResourceOptions,
	): VethAttachment {
		return new VethAttachment(name, args, existing(id, opts));
	}

	constructor(name: string, args: VethAttachmentArgs, opts?: pulumi.CustomResourceOptions) {
		const bridge = bridgeName(args.bridge);
		const outputs = { interface: undefined, hostInterface: undefined, mac: undefined, mtu: undefined };
		super("VethAttachment", name, { ...outputs, ...args, bridge, container: containerId(args.container) }, [], opts);
		declared.set(this, args.portSecurity);
	}
}
