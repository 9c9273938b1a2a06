// VethAttachment: a veth pair between a container's network namespace and a bridge (Open vSwitch or Linux).
// Sources: veth(4), ovs-vswitchd.conf.db(5) table Port (vlan_mode, tag, trunks).
import { derivedInterface, derivedMac } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import { type ColumnValue, HOST, type Operation } from "../host/change";
import { flowOwner } from "../host/flows";
import { columnAt } from "../host/inverse";
import { aliasWithLinkMark, foreignAlias, linkMark, rowMark } from "../host/marks";
import { ownedBy } from "../host/owned";
import { PORT_GROUP } from "../host/ruleset-isolation";
import {
	isRunning,
	type Link,
	OVS_ABSENT,
	type OvsBridge,
	type OvsPort,
	type RunningContainer,
	type Snapshot,
} from "../host/snapshot";
import {
	boolean,
	containerRef,
	type Infer,
	integer,
	interfaceName,
	list,
	mac,
	object,
	optional,
	rule,
	union,
} from "../validate/index";
import { LEAST_IPV6_MTU } from "./addresses";
import { type Bridge, findBridge } from "./bridges";
import { clientsOf, FOLLOWS, memberColumns, networkVlan } from "./clients";
import { differing, inWords, remembered } from "./columns";
import { dockerTells, ovsTells, runningContainer } from "./facts";
import { type Kind, operation, type Wish } from "./kind";
import { logicalName } from "./ovn-inputs";
import { GUARD, isGuarded, planGuard, planUnguard, recordColumns, recordedOn, refuseUnguardable } from "./port-security";
import { observedVlan, tag, type Vlan, vlanColumns } from "./vlan";

const vlan = rule(
	object(
		{ tag: optional(tag), trunks: optional(list(tag, { unique: true, min: 1 })), native: optional(tag) },
		"{ tag } or { trunks, native }",
	),
	["tag", "trunks", "native"],
	(value, complain) => {
		if (value.tag !== undefined && (value.trunks || value.native !== undefined)) {
			complain("tag", value.tag, "either tag, or trunks with native", "write native for the untagged VLAN of a trunk");
		}
		if (value.native !== undefined && !value.trunks)
			complain("native", value.native, "trunks beside it", "write tag for an access port");
	},
);

const shape = object({
	container: containerRef,
	bridge: interfaceName,
	interface: optional(interfaceName, "eth1"),
	hostInterface: optional(interfaceName),
	mac: optional(mac),
	// 68 is the least MTU of IPv4 (RFC 791); 65535 the most that veth takes.
	mtu: optional(integer(68, 65535)),
	vlan: optional(union(tag, vlan)),
	portSecurity: optional(boolean),
	ovnPort: optional(logicalName),
	adopt: optional(boolean),
});

const secured = rule(shape, ["vlan", "portSecurity"], ({ vlan, portSecurity }, complain) => {
	if (portSecurity && isTrunk(vlan))
		complain("portSecurity", true, "an access port", "nothing is declared about the addresses in a trunk's VLANs: leave one out");
});

export const vethAttachmentSchema = rule(secured, ["ovnPort", "vlan", "portSecurity", "adopt"], (args, complain) => {
	const { ovnPort, vlan, portSecurity, adopt } = args;
	if (ovnPort === undefined) return;
	if (vlan !== undefined)
		complain("vlan", vlan, "no VLAN beside ovnPort, whose logical switch is the network", "remove one of them");
	if (portSecurity) complain("portSecurity", true, "portSecurity of the OvnPort instead", "leave it out here");
	if (adopt === true) complain("adopt", adopt, "no adoption beside ovnPort", "take the old interface away, and leave adopt out");
});

const bridgeOf = (port: OvsPort, { ovs }: Snapshot): OvsBridge | undefined =>
	typeof ovs === "object" ? ovs.bridges[port.bridge] : undefined;

const isTrunk = (vlan: Vlan): boolean => typeof vlan === "object" && vlan.trunks !== undefined;

export type VethAttachmentArgs = Infer<typeof vethAttachmentSchema>;

/** On the port row of an adopted attachment: what it was before. */
const BEFORE = "external_ids:netplumb-before";

/** The logical port of OVN that an interface is (ovn-architecture(7), "Life Cycle of a VIF"). */
const IFACE_ID = "external_ids:iface-id";

interface Before {
	bridge: string;
	mac: string;
	inside: { mtu: number; up: boolean };
	outside: { mtu: number; up: boolean };
	/** Columns of the port; null: it was empty. */
	columns: Record<string, ColumnValue | null>;
}

/**
 * The host's end carries frames and takes none for itself. No IPv6: a router advertisement or a link-local connection from the
 * container finds nobody there. Under a userspace datapath the kernel's own stack sees every frame that arrives, beside OVS: it
 * must not answer ARP for the host's addresses (8: none at all) nor route what is sent to this end's MAC, past bridge and VLAN.
 */
const hostEndSettings: [path: (name: string) => string[], value: string, describe: string][] = [
	[(name) => ["ipv6", "conf", name, "disable_ipv6"], "1", "switch IPv6 off on"],
	[(name) => ["ipv4", "conf", name, "arp_ignore"], "8", "switch ARP answers off on"],
	[(name) => ["ipv4", "conf", name, "forwarding"], "0", "switch forwarding off on"],
	// Else a broadcast frame would carry a packet to any address of the host (RFC 1122, 3.3.6).
	[
		(name) => ["ipv4", "conf", name, "drop_unicast_in_l2_multicast"],
		"1",
		"refuse packets to single addresses in broadcast frames on",
	],
];

export const vethAttachment: Kind<VethAttachmentArgs> = {
	name: "VethAttachment",
	schema: vethAttachmentSchema,
	outputs: [],
	defaulted: ["mtu"],
	replace: ["container", "interface", "hostInterface"],
	replaceWhenUnknown: ["bridge"],
	complete: (args, owner) => ({
		...args,
		hostInterface: args.hostInterface ?? derivedInterface(owner),
		mac: args.mac ?? derivedMac(owner),
	}),
	physicalName: (args) => args.hostInterface!,
	containers: (args) => [args.container],
	plan: (wish, snapshot) => (wish.wanted ? planAttachment(wish, wish.wanted, snapshot) : planRemoval(wish, snapshot)),

	observe(args, _mark, snapshot) {
		const container = snapshot.containers[args.container];
		const inside = isRunning(container) ? container.namespace.links[args.interface] : undefined;
		const outside = snapshot.host.links[args.hostInterface!];
		const port = typeof snapshot.ovs === "object" ? snapshot.ovs.ports[args.hostInterface!] : undefined;
		const found: VethAttachmentArgs = { ...args };
		if (inside) found.mac = inside.mac;
		if (inside && args.mtu !== undefined) found.mtu = inside.mtu === args.mtu ? (outside?.mtu ?? inside.mtu) : inside.mtu;
		if (port) found.bridge = port.bridge;
		else if (outside?.master) found.bridge = outside.master;
		if (port) {
			const declared = args.vlan ?? networkVlan(bridgeOf(port, snapshot));
			const vlan = observedVlan(declared, port);
			found.vlan = vlan === declared ? args.vlan : vlan;
		}
		if (found.vlan === undefined) delete found.vlan;
		if (port && args.portSecurity !== undefined) found.portSecurity = columnAt(port.columns, GUARD) !== undefined;
		const logical = port && columnAt(port.interface, IFACE_ID);
		if (port && args.ovnPort !== undefined) found.ovnPort = String(logical ?? "");
		return { args: found, outputs: { ...(inside && args.mtu === undefined ? { mtu: inside.mtu } : {}) } };
	},

	exists(marks, snapshot) {
		const { links, ports } = ownedBy(snapshot, marks);
		if (links.length > 0 || ports.length > 0) return true;
		// Both ends of a veth pair go together, so the host's end tells; only a port row may lie in a database that does not answer.
		return typeof snapshot.ovs === "string" && snapshot.ovs !== OVS_ABSENT ? snapshot.ovs : false;
	},
};

function planAttachment(wish: Wish<VethAttachmentArgs>, args: VethAttachmentArgs, snapshot: Snapshot): Operation[] {
	const container = runningContainer(snapshot, args.container);
	const bridge = findBridge(snapshot, args.bridge, args.vlan !== undefined);
	const name = args.interface;
	const hostName = args.hostInterface!;
	// An MTU that is not declared is the bridge's at the time of making, and then stays.
	const mtu = args.mtu ?? wish.previous?.mtu ?? bridge.mtu;
	const ends = findEnds(wish, args, container, snapshot);
	const port = bridge.ovs?.ports[hostName] ?? (typeof snapshot.ovs === "object" ? snapshot.ovs.ports[hostName] : undefined);
	const operations: Operation[] = [];
	const pair = ends.paired ? ends : undefined;
	const v6 = mtu < LEAST_IPV6_MTU && pair?.inside?.addresses.find((address) => address.includes(":"));
	if (v6)
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: mtu: found ${mtu} for interface "${name}" of container "${container.name}", which has the address ${v6}, expected at least ${LEAST_IPV6_MTU} for IPv6; raise it, or remove the IPv6 addresses first`,
		);
	if (!pair) {
		if (ends.outside)
			operations.push(operation({ verb: "link.delete", where: HOST, name: hostName }, `delete the stale interface ${hostName}`));
		else if (ends.inside)
			operations.push(
				operation(
					{ verb: "link.delete", where: container.id, name },
					`delete the stale interface ${name} of container ${container.name}`,
				),
			);
		operations.push(
			operation(
				{
					verb: "link.add",
					where: container.id,
					name,
					mac: args.mac!,
					mtu,
					alias: aliasWithLinkMark(undefined, wish.mark),
					peer: { name: hostName, mtu },
				},
				`make interface ${name} of container ${container.name} with host end ${hostName}`,
			),
			...hostEndSettings.map(([path, value, describe]) =>
				operation({ verb: "sysctl.set", where: HOST, path: path(hostName), value }, `${describe} ${hostName}`),
			),
		);
	}
	if (bridge.userspace && (!pair || port?.bridge !== bridge.name)) {
		operations.push(
			operation({ verb: "offload.disable", where: HOST, name: hostName }, `switch checksum offload off on ${hostName}`),
			operation(
				{ verb: "offload.disable", where: container.id, name },
				`switch checksum offload off on ${name} of container ${container.name}`,
			),
		);
	}
	const adopting = pair !== undefined && args.adopt === true && linkMark(pair.inside!) === undefined;
	const row = bridge.ovs?.bridges[bridge.name];
	const guarded = isGuarded(args.portSecurity, row);
	if (guarded) refuseGuard(args, row, snapshot);
	// A row that is made again for another pair has no addresses yet.
	const recorded = pair ? recordedOn(port) : {};
	operations.push(...planPort(wish, args, bridge, port, pair?.outside, adopting, container, recorded, snapshot));
	if (row) operations.push(...planGuard({ ...wish, mac: args.mac!, bridge: row, name: hostName, recorded, guarded }, snapshot));
	else operations.push(...planUnguard(wish.marks, port ? [port] : [], snapshot));
	const isDown = operations.some(({ change }) => change.verb === "link.set" && change.up === false);
	const adopted = adopting || (port !== undefined && columnAt(port.columns, BEFORE) !== undefined);
	const group = bridge.ovs && !adopted ? PORT_GROUP : 0;
	operations.push(...planEnds(wish, args, { mtu, group, isDown }, pair, container));
	return operations;
}

function refuseGuard(args: VethAttachmentArgs, bridge: OvsBridge | undefined, snapshot: Snapshot): void {
	const where = `host ${snapshot.hostName}: portSecurity:`;
	if (!bridge)
		throw new NetplumbError(
			"unsupported",
			`${where} found the Linux bridge "${args.bridge}", expected an Open vSwitch bridge; port security needs an OvsBridge or an IsolatedNetwork`,
		);
	if (isTrunk(args.vlan))
		throw new NetplumbError(
			"conflict",
			`${where} found a trunk in the isolated network "${bridge.name}", expected an access port, because nothing is declared about the addresses in a trunk's VLANs; write a tag, or portSecurity: false`,
		);
	refuseUnguardable(bridge, snapshot);
}

interface Ends {
	inside?: Link;
	outside?: Link;
	paired: boolean;
}

/** The two ends as they are, each of them ours or to be adopted; a conflict error otherwise. */
function findEnds(
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

/** The port of the bridge that carries the host's end. */
function planPort(
	wish: Wish<VethAttachmentArgs>,
	args: VethAttachmentArgs,
	bridge: Bridge,
	port: OvsPort | undefined,
	outside: Link | undefined,
	adopting: boolean,
	container: RunningContainer,
	recorded: Record<string, string[]>,
	snapshot: Snapshot,
): Operation[] {
	const name = args.hostInterface!;
	const owner = port && rowMark(port.columns);
	// A row without a mark, for an interface that carries ours: somebody plugged it in anew by hand. The interface decides.
	const ours = adopting || (outside !== undefined && wish.marks.includes(linkMark(outside) ?? ""));
	if (port && !wish.marks.includes(owner ?? "") && !(ours && owner === undefined)) {
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: hostInterface: found a port "${name}" in bridge "${port.bridge}" that this resource did not make, expected the name to be free; choose another name`,
		);
	}
	const operations: Operation[] = [];
	// ovs-vswitchd does not take up a new device under an old row, so a row whose device is gone is made again.
	const fault = port && outside ? String(columnAt(port.interface, "error") ?? "") : "";
	const keep = port !== undefined && outside !== undefined && port.bridge === bridge.name && fault === "";
	// A guarded port is not up in a bridge that has no flows about it yet.
	if (port && !keep && outside?.up && isGuarded(args.portSecurity, bridge.ovs?.bridges[bridge.name]))
		operations.push(operation({ verb: "link.set", where: HOST, name, up: false }, `take ${name} down while it moves`));
	if (port && !keep)
		operations.push(
			operation(
				{ verb: "port.delete", bridge: port.bridge, name },
				`take port ${name} out of bridge ${port.bridge}${fault && ` (${fault})`}`,
			),
		);
	if (adopting && (!bridge.ovs || !port)) {
		throw new NetplumbError(
			"unsupported",
			`host ${snapshot.hostName}: adopt: found "${name}" not in an Open vSwitch bridge, expected it in one, whose port keeps what has to be given back; take the old interface away, and leave adopt out`,
		);
	}
	if (!bridge.ovs && args.ovnPort !== undefined) {
		throw new NetplumbError(
			"unsupported",
			`host ${snapshot.hostName}: ovnPort: found the Linux bridge "${bridge.name}", expected the bridge of ovn-controller, which an OvnChassis has as its output; correct bridge`,
		);
	}
	if (!bridge.ovs) {
		if (outside?.master !== bridge.name)
			operations.push(
				operation({ verb: "link.set", where: HOST, name, master: bridge.name }, `add port ${name} to bridge ${bridge.name}`),
			);
		return operations;
	}
	if (outside?.master !== undefined && outside.master !== "ovs-system") {
		operations.push(
			operation({ verb: "link.set", where: HOST, name, master: null }, `take port ${name} out of bridge ${outside.master}`),
		);
	}
	if (!keep)
		operations.push(operation({ verb: "port.add", bridge: bridge.name, name }, `add port ${name} to bridge ${bridge.name}`));
	const row = bridge.ovs.bridges[bridge.name];
	const vlan = vlanColumns(args.vlan ?? networkVlan(row));
	const columns: Record<string, ColumnValue> = {
		...vlan,
		"external_ids:netplumb": wish.mark,
		"external_ids:netplumb-container": container.id.slice(0, 12),
		...memberColumns(clientsOf(row)),
		[FOLLOWS]: args.vlan === undefined && clientsOf(row) !== undefined ? "network" : undefined,
		[GUARD]: isGuarded(args.portSecurity, row) ? flowOwner(wish.mark) : undefined,
	};
	if (adopting) {
		const inside = container.namespace.links[args.interface]!;
		const before: Before = {
			columns: Object.fromEntries(Object.keys(vlan).map((path) => [path, columnAt(port!.columns, path) ?? null])),
			bridge: port!.bridge,
			mac: inside.mac,
			inside: { mtu: inside.mtu, up: inside.up },
			outside: { mtu: outside!.mtu, up: outside!.up },
		};
		columns[BEFORE] = JSON.stringify(before);
	} else if (port && !keep && columnAt(port.columns, BEFORE) !== undefined) columns[BEFORE] = columnAt(port.columns, BEFORE);
	if (port && !keep) Object.assign(columns, foreignIds(port), recordColumns(recorded));
	const changes = differing(keep ? port.columns : undefined, columns);
	if (Object.keys(changes).length > 0) {
		operations.push(
			operation(
				{ verb: "row.set", table: "Port", row: name, columns: changes },
				`set ${inWords(changes) || "the owner mark"} of port ${name}`,
			),
		);
	}
	const logical = keep ? columnAt(port.interface, IFACE_ID) : undefined;
	const declared = args.ovnPort !== undefined || wish.previous?.ovnPort !== undefined;
	if (declared && logical !== args.ovnPort)
		operations.push(
			operation(
				{ verb: "row.set", table: "Interface", row: name, columns: { [IFACE_ID]: args.ovnPort } },
				args.ovnPort === undefined
					? `make port ${name} no logical port of OVN any more`
					: `make port ${name} the logical port ${args.ovnPort} of OVN`,
			),
		);
	return operations;
}

/** What others have written on a port: it moves with the port to its new row. */
function foreignIds(port: OvsPort): Record<string, ColumnValue> {
	const ids = Object.entries((port.columns["external_ids"] ?? {}) as Record<string, string>);
	return Object.fromEntries(
		ids.filter(([key]) => !key.startsWith("netplumb")).map(([key, value]) => [`external_ids:${key}`, value]),
	);
}

/** MAC, MTU, mark and link state of both ends. */
function planEnds(
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

/** Works without the container: what stays behind when its namespace is gone lies on the host. */
function planRemoval(wish: Wish<VethAttachmentArgs>, snapshot: Snapshot): Operation[] {
	// A port in a database that does not answer would stay behind; a Linux bridge has its ports in the kernel.
	if (snapshot.host.links[wish.previous?.bridge ?? ""]?.kind !== "bridge") ovsTells(snapshot);
	const owned = ownedBy(snapshot, wish.marks);
	const operations: Operation[] = planUnguard(wish.marks, owned.ports, snapshot);
	const adopted = owned.ports.find((port) => columnAt(port.columns, BEFORE) !== undefined);
	if (adopted) {
		if (wish.previous) dockerTells(snapshot, wish.previous.container);
		const was = remembered<Before>(adopted, BEFORE, snapshot.hostName)!;
		const columns: Record<string, ColumnValue> = {
			"external_ids:netplumb": undefined,
			"external_ids:netplumb-container": undefined,
			[BEFORE]: undefined,
			[GUARD]: undefined,
			[FOLLOWS]: undefined,
			...Object.fromEntries(Object.keys(recordColumns(recordedOn(adopted))).map((path) => [path, undefined])),
		};
		for (const [path, value] of Object.entries(was.columns)) columns[path] = value ?? undefined;
		const { name, bridge } = adopted;
		const move = bridge !== was.bridge && typeof snapshot.ovs === "object" && was.bridge in snapshot.ovs.bridges;
		if (move)
			operations.push(
				operation({ verb: "port.delete", bridge, name }, `take port ${name} out of bridge ${bridge}`),
				operation({ verb: "port.add", bridge: was.bridge, name }, `put port ${name} back into bridge ${was.bridge}`),
			);
		const filled = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
		const given = move ? { ...filled, ...foreignIds(adopted) } : columns;
		operations.push(
			operation({ verb: "row.set", table: "Port", row: name, columns: given }, `give port ${name} its settings back`),
		);
		for (const { where, link } of owned.links) {
			const back = where === HOST ? was.outside : { ...was.inside, mac: was.mac };
			operations.push(
				operation(
					{ verb: "link.set", where, name: link.name, ...back, alias: aliasWithLinkMark(link.alias, undefined) },
					`give ${link.name} its settings back`,
				),
			);
		}
		return operations;
	}
	const outside = owned.links.filter(({ where }) => where === HOST);
	// A row without a mark, for an interface of ours, would stay behind as a port without a device.
	const rows = Object.values(typeof snapshot.ovs === "object" ? snapshot.ovs.ports : {}).filter(
		(port) => rowMark(port.columns) === undefined && outside.some(({ link }) => link.name === port.name),
	);
	for (const port of [...owned.ports, ...rows])
		operations.push(
			operation(
				{ verb: "port.delete", bridge: port.bridge, name: port.name },
				`take port ${port.name} out of bridge ${port.bridge}`,
			),
		);
	const deleted = outside.length > 0 ? outside : owned.links;
	for (const { where, link } of deleted)
		operations.push(operation({ verb: "link.delete", where, name: link.name }, `delete interface ${link.name}`));
	return operations;
}
