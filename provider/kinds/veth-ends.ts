// The two ends of an attachment's veth pair: whose they are, and what they are set to.
import { NetplumbError } from "../errors";
import { HOST, type Operation } from "../host/change";
import { aliasWithLinkMark, foreignAlias, linkMark } from "../host/marks";
import { PORT_GROUP } from "../host/ruleset-isolation";
import type { Link, RunningContainer, Snapshot } from "../host/snapshot";
import { operation, type Wish } from "./kind";
import type { VethAttachmentArgs } from "./veth-inputs";

type Setting = [path: (name: string) => string[], value: string, describe: string];

const IPV6_OFF: Setting = [(name) => ["ipv6", "conf", name, "disable_ipv6"], "1", "switch IPv6 off on"];

/**
 * The host's end carries frames and takes none for itself. No IPv6: a router advertisement or a link-local connection from the
 * container finds nobody there. Under a userspace datapath the kernel's own stack sees every frame that arrives, beside OVS: it
 * must not answer ARP for the host's addresses (8: none at all) nor route what is sent to this end's MAC, past bridge and VLAN.
 */
const SETTINGS: Setting[] = [
	IPV6_OFF,
	[(name) => ["ipv4", "conf", name, "arp_ignore"], "8", "switch ARP answers off on"],
	[(name) => ["ipv4", "conf", name, "forwarding"], "0", "switch forwarding off on"],
	// Else a broadcast frame would carry a packet to any address of the host (RFC 1122, 3.3.6).
	[
		(name) => ["ipv4", "conf", name, "drop_unicast_in_l2_multicast"],
		"1",
		"refuse packets to single addresses in broadcast frames on",
	],
];

/** What the host's end of a new pair is set to. */
export const planHostEnd = (name: string): Operation[] => SETTINGS.map((setting) => set(name, setting));

/** What is lost of it when IPv6 comes back to the interface (narrow.ts). */
export const planIpv6Off = (name: string): Operation => set(name, IPV6_OFF);

function set(name: string, [path, value, describe]: Setting): Operation {
	return operation({ verb: "sysctl.set", where: HOST, path: path(name), value }, `${describe} ${name}`);
}

export interface Ends {
	inside?: Link;
	outside?: Link;
	paired: boolean;
}

/** The two ends as they are, each of them ours or to be adopted; a conflict error otherwise. */
export function findEnds(
	wish: Wish<VethAttachmentArgs>,
	args: VethAttachmentArgs,
	container: RunningContainer,
	snapshot: Snapshot,
): Ends {
	const inside = container.namespace.links[args.interface];
	const outside = snapshot.host.links[args.hostInterface!];
	const paired =
		inside?.kind === "veth" &&
		outside?.kind === "veth" &&
		inside.peerIndex === outside.index &&
		outside.peerIndex === inside.index;
	const marked = (link: Link | undefined) => link !== undefined && wish.marks.includes(linkMark(link) ?? "");
	// A run that died between making and marking leaves a veth with our name and our MAC and no mark: still ours.
	const halfMade = inside?.kind === "veth" && inside.alias === undefined && inside.mac === args.mac;
	const where = `host ${snapshot.hostName}:`;
	if (
		inside &&
		!marked(inside) &&
		!halfMade &&
		!(paired && args.adopt && !foreignAlias(inside) && linkMark(inside) === undefined)
	) {
		const way = paired ? "choose another name, or set adopt: true to take it over" : "choose another name";
		throw new NetplumbError(
			"conflict",
			`${where} interface: found an interface "${args.interface}" in container "${container.name}" that this resource did not make, expected the name to be free; ${way}`,
		);
	}
	if (outside && !marked(outside) && !paired) {
		throw new NetplumbError(
			"conflict",
			`${where} hostInterface: found an interface "${args.hostInterface}" that this resource did not make, expected the name to be free; choose another name`,
		);
	}
	return { inside, outside, paired };
}

/** MAC, MTU, mark and link state of both ends. */
export function planEnds(
	wish: Wish<VethAttachmentArgs>,
	args: VethAttachmentArgs,
	{ mtu, group, isDown }: { mtu: number; group: number; isDown: boolean },
	pair: Ends | undefined,
	container: RunningContainer,
): Operation[] {
	const operations: Operation[] = [];
	const hostName = args.hostInterface!;
	const { outside, inside } = pair ?? { outside: undefined, inside: undefined };
	const outer = {
		mtu: outside && outside.mtu !== mtu ? mtu : undefined,
		alias: aliasWithLinkMark(outside?.alias, wish.mark),
		group: (outside?.group ?? 0) === group || (group === 0 && outside?.group !== PORT_GROUP) ? undefined : group,
		up: true,
	};
	if (!outside?.up || isDown || outer.mtu !== undefined || outer.group !== undefined || outside.alias !== outer.alias) {
		const what = outer.mtu === undefined ? `bring ${hostName} up` : `set the MTU of ${hostName} to ${mtu}`;
		operations.push(operation({ verb: "link.set", where: HOST, name: hostName, ...outer }, what));
	}
	const newMac = inside !== undefined && inside.mac !== args.mac;
	const inner = {
		mtu: inside && inside.mtu !== mtu ? mtu : undefined,
		mac: newMac ? args.mac : undefined,
		alias: aliasWithLinkMark(inside?.alias, wish.mark),
		up: true,
	};
	if (!inside?.up || inner.mtu !== undefined || newMac || inside.alias !== inner.alias) {
		const what = [...(inner.mtu === undefined ? [] : [`the MTU to ${mtu}`]), ...(newMac ? [`the MAC to ${args.mac}`] : [])].join(
			" and ",
		);
		const describe = what
			? `set ${what} of ${args.interface} in container ${container.name}`
			: `bring ${args.interface} of container ${container.name} up`;
		operations.push(operation({ verb: "link.set", where: container.id, name: args.interface, ...inner }, describe));
	}
	if (newMac)
		operations.push(
			operation(
				{ verb: "announce", where: container.id, dev: args.interface, mac: args.mac! },
				`announce the new MAC of ${args.interface}`,
			),
		);
	return operations;
}
