// OvsBridge: an Open vSwitch bridge with addresses on its own port. Sources: ovs-vswitchd.conf.db(5), ovs-vsctl(8).
import { derivedInterface, derivedMac, isUnicastMac } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import { type ColumnValue, HOST, type Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { aliasWithLinkMark, linkMark, rowMark } from "../host/marks";
import { ownedBy } from "../host/owned";
import { OVS_ABSENT, type Ovs, type OvsBridge, type Snapshot } from "../host/snapshot";
import {
	boolean,
	cidr,
	type Infer,
	integer,
	interfaceName,
	list,
	object,
	oneOf,
	optional,
	record,
	rule,
	string,
	text,
} from "../validate/index";
import { hostAddresses, LEAST_IPV6_MTU, toDelete, toWriteAgain } from "./addresses";
import { carriedTo } from "./carried";
import { differing, inWords, remembered, sameValue } from "./columns";
import { openVswitch } from "./facts";
import { type Kind, operation, type Wish } from "./kind";
import { widens } from "./narrow";
import { planUplinks, type UplinkPlan, uplinkNotes } from "./uplinks";

const controller = string({
	grammar: /^(?:tcp|ssl|ptcp|pssl|unix|punix):[A-Za-z0-9_.:[\]/-]+$/,
	expected: "an OpenFlow controller such as tcp:192.0.2.1:6653",
	wayOut: "write it as ovs-vsctl set-controller takes it",
});

const shape = object({
	name: optional(interfaceName),
	datapath: optional(oneOf("system", "netdev")),
	addresses: optional(list(cidr, { unique: true })),
	mtu: optional(integer(68, 65535)),
	uplinks: optional(list(interfaceName, { unique: true })),
	failMode: optional(oneOf("standalone", "secure")),
	rstp: optional(boolean),
	stp: optional(boolean),
	mcastSnooping: optional(boolean),
	controllers: optional(list(controller, { unique: true })),
	protocols: optional(
		list(oneOf("OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"), { unique: true }),
	),
	otherConfig: optional(
		record(
			string({
				grammar: /^[A-Za-z0-9_-]+$/,
				max: 64,
				expected: "the name of an other_config key",
				wayOut: "see ovs-vswitchd.conf.db(5)",
			}),
			text(),
		),
	),
	acceptRisk: optional(list(oneOf("ssh-path"), { unique: true })),
	adopt: optional(boolean),
});

const addressed = rule(shape, ["addresses"], ({ addresses = [] }, complain) => hostAddresses(addresses, complain));

const wideEnough = rule(addressed, ["addresses", "mtu"], ({ addresses = [], mtu = 1500 }, complain) => {
	if (mtu < LEAST_IPV6_MTU && addresses.some((address) => address.includes(":")))
		complain("mtu", mtu, `at least ${LEAST_IPV6_MTU} for IPv6`, "raise it, or remove the IPv6 addresses");
});

const led = rule(wideEnough, ["name", "uplinks"], ({ name, uplinks = [] }, complain) => {
	uplinks.forEach((uplink, index) => {
		if (uplink === "lo" || uplink === name)
			complain(`uplinks[${index}]`, uplink, "a card of the host, or another link to the outside", "choose another one");
	});
});

// Open vSwitch ignores one that it cannot read, as one with dashes, and the address follows the ports then (ovs-vswitchd.conf.db(5)).
const named = rule(led, ["otherConfig"], ({ otherConfig = {} }, complain) => {
	const { hwaddr } = otherConfig;
	if (hwaddr !== undefined && !(hwaddr.includes(":") && isUnicastMac(hwaddr)))
		complain("otherConfig.hwaddr", hwaddr, "a unicast Ethernet address", "write it like 02:00:00:00:00:01");
});

export const ovsBridgeSchema = rule(named, ["stp", "rstp"], (args, complain) => {
	if (args.stp && args.rstp) complain("rstp", true, "at most one of stp and rstp", "keep rstp, which is the newer one");
});

export type OvsBridgeArgs = Infer<typeof ovsBridgeSchema>;

/** Where an adopted bridge keeps what it was before, so that deleting the resource can restore it. */
const BEFORE = "external_ids:netplumb-before";

interface Before {
	/** null: the column or key was empty. */
	columns: Record<string, ColumnValue | null>;
	controllers: string[];
	addresses: string[];
	mtu?: number;
	/** False when adopting brought it up. */
	up?: boolean;
}

export const ovsBridge: Kind<OvsBridgeArgs> = {
	name: "OvsBridge",
	schema: ovsBridgeSchema,
	outputs: ["datapathId", "mac", "uplinkAddresses"],
	replace: ["name", "datapath"],
	complete: (args, owner) => ({ ...args, name: args.name ?? derivedInterface(owner) }),
	physicalName: (args) => args.name!,
	// A card that boots with the host's address would be put into the bridge without it: nobody could log in any more.
	heals: ({ uplinks = [] }) => uplinks.length === 0,
	containers: () => [],
	notes: uplinkNotes,
	devices: (args) => (args.uplinks?.length ? [args.name!, ...args.uplinks] : []),

	plan(wish, snapshot) {
		const name = (wish.wanted ?? wish.previous)?.name;
		if (name === undefined) throw new NetplumbError("input", "the bridge has no name");
		if (!wish.wanted && snapshot.ovs === OVS_ABSENT) return [];
		const ovs = openVswitch(snapshot);
		if (!wish.wanted) {
			const bridges = ownedBy(snapshot, wish.marks).bridges;
			return bridges.length > 0
				? bridges.flatMap((bridge) => planRemoval(wish, bridge, ovs, snapshot))
				: unmark(wish, name, snapshot);
		}
		return planBridge(wish, wish.wanted, name, ovs, snapshot);
	},

	observe(args, _mark, snapshot) {
		const bridge = typeof snapshot.ovs === "object" ? snapshot.ovs.bridges[args.name!] : undefined;
		const link = snapshot.host.links[args.name!];
		const found: OvsBridgeArgs = { ...args };
		if (args.addresses) found.addresses = args.addresses.filter((address) => link?.addresses.includes(address));
		if (args.mtu !== undefined && link) found.mtu = link.mtu;
		if (bridge) {
			if (args.failMode) found.failMode = columnAt(bridge.columns, "fail_mode") as OvsBridgeArgs["failMode"];
			if (args.stp !== undefined) found.stp = bridge.columns["stp_enable"] === true;
			if (args.rstp !== undefined) found.rstp = bridge.columns["rstp_enable"] === true;
			if (args.mcastSnooping !== undefined) found.mcastSnooping = bridge.columns["mcast_snooping_enable"] === true;
			if (args.controllers && !sameValue(args.controllers, bridge.controllers)) found.controllers = bridge.controllers;
			const protocols = columnAt(bridge.columns, "protocols") ?? [];
			if (args.protocols && !sameValue(args.protocols, protocols)) found.protocols = [protocols].flat() as typeof args.protocols;
			if (args.otherConfig) {
				const value = (key: string) => [key, columnAt(bridge.columns, `other_config:${key}`) as string] as const;
				const present = Object.keys(args.otherConfig).map(value);
				found.otherConfig = Object.fromEntries(present.filter(([, text]) => text !== undefined));
			}
			if (args.uplinks) found.uplinks = args.uplinks.filter((uplink) => bridge.ports.includes(uplink));
		}
		return {
			args: found,
			outputs: {
				datapathId: String(columnAt(bridge?.columns ?? {}, "datapath_id") ?? ""),
				mac: link?.mac ?? "",
				uplinkAddresses: typeof snapshot.ovs === "object" ? carriedTo(args.name!, snapshot.ovs, snapshot.hostName) : [],
			},
		};
	},

	exists: (marks, snapshot) => (typeof snapshot.ovs === "string" ? snapshot.ovs : ownedBy(snapshot, marks).bridges.length > 0),
};

/** The columns that the inputs ask for. What an earlier program asked for and this one does not goes back to OVS's default. */
function wantedColumns(args: OvsBridgeArgs, previous: OvsBridgeArgs | undefined): Record<string, ColumnValue> {
	const columns: Record<string, ColumnValue> = {};
	const put = (path: string, value: ColumnValue, before: unknown, fallback?: ColumnValue) => {
		if (value !== undefined) columns[path] = value;
		else if (before !== undefined) columns[path] = fallback;
	};
	put("fail_mode", args.failMode, previous?.failMode);
	put("stp_enable", args.stp, previous?.stp, false);
	put("rstp_enable", args.rstp, previous?.rstp, false);
	put("mcast_snooping_enable", args.mcastSnooping, previous?.mcastSnooping, false);
	put("protocols", args.protocols, previous?.protocols);
	const keys = new Set([...Object.keys(args.otherConfig ?? {}), ...Object.keys(previous?.otherConfig ?? {})]);
	for (const key of keys) put(`other_config:${key}`, args.otherConfig?.[key], previous?.otherConfig?.[key]);
	return columns;
}

function planBridge(wish: Wish<OvsBridgeArgs>, args: OvsBridgeArgs, name: string, ovs: Ovs, snapshot: Snapshot): Operation[] {
	const bridge = ovs.bridges[name];
	const link = snapshot.host.links[name];
	const operations: Operation[] = [];
	const columns = wantedColumns(args, wish.previous);
	const owner = bridge && rowMark(bridge.columns);
	const mine = owner !== undefined && wish.marks.includes(owner);
	const adopted = bridge !== undefined && (mine ? columnAt(bridge.columns, BEFORE) !== undefined : args.adopt === true);
	if (bridge && !mine) refuseForeign(snapshot.hostName, name, owner, args.adopt === true);
	if (!bridge && (link || ovs.ports[name])) {
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: name: found another interface called "${name}", expected the name to be free; choose another name`,
		);
	}
	const userspace = bridge
		? bridge.columns["datapath_type"] === "netdev"
		: (args.datapath ?? (ovs.kernelDatapath ? "system" : "netdev")) === "netdev";
	if (!bridge) {
		columns["datapath_type"] = userspace ? "netdev" : "system";
		operations.push(operation({ verb: "bridge.add", name }, `add bridge ${name}`));
	}
	const mac = args.otherConfig?.["hwaddr"] ?? (adopted ? undefined : derivedMac(wish.mark));
	const uplinks = planUplinks({ wish, bridge: name, userspace, mac, ovs, snapshot }, args.uplinks ?? []);
	// Without this, the bridge's MAC and datapath id follow its ports as they come and go.
	if (!adopted && args.otherConfig?.["hwaddr"] === undefined)
		// The host keeps the MAC that the network knows it by. In userspace it must not: the kernel would hear everything twice.
		columns["other_config:hwaddr"] = uplinks.mac !== undefined && !userspace ? uplinks.mac : derivedMac(wish.mark);
	columns["external_ids:netplumb"] = wish.mark;
	if (adopted) {
		const now = { ...before(bridge!, {}, link?.addresses ?? [], undefined), up: link?.up === true };
		const kept = mine ? keptBefore(bridge!, snapshot)! : now;
		// What the program no longer asks for is given back at once.
		const asked = wantedColumns(args, undefined);
		for (const path of Object.keys(wantedColumns(args, wish.previous)))
			if (!(path in asked) && path in kept.columns) columns[path] = kept.columns[path] ?? undefined;
		const changing = before(bridge!, columns, [], args.mtu === undefined ? undefined : link?.mtu);
		const all = Object.entries({ ...changing.columns, ...kept.columns }).sort(([a], [b]) => (a < b ? -1 : 1));
		columns[BEFORE] = JSON.stringify({ ...kept, columns: Object.fromEntries(all), mtu: kept.mtu ?? changing.mtu });
	}
	const changes = differing(bridge?.columns, columns);
	if (Object.keys(changes).length > 0) {
		operations.push(
			operation(
				{ verb: "row.set", table: "Bridge", row: name, columns: changes },
				`set ${inWords(changes) || "the owner mark"} of bridge ${name}`,
			),
		);
	}
	const given = adopted && mine ? keptBefore(bridge, snapshot)!.controllers : [];
	const controllers = args.controllers ?? (wish.previous?.controllers ? given : undefined);
	if (controllers && !sameValue(controllers, bridge?.controllers ?? [])) {
		operations.push(
			operation(
				{ verb: "controller.set", bridge: name, targets: controllers },
				`set the controllers of bridge ${name} to ${controllers.join(", ") || "none"}`,
			),
		);
	}
	const requested = columnAt(ovs.ports[name]?.interface ?? {}, "mtu_request");
	if (args.mtu !== undefined && (link?.mtu !== args.mtu || requested !== args.mtu)) {
		const change = { verb: "row.set", table: "Interface", row: name, columns: { mtu_request: args.mtu } } as const;
		operations.push(operation(change, `set the MTU of bridge ${name} to ${args.mtu}`));
	} else if (args.mtu === undefined && bridge && wish.previous?.mtu !== undefined && requested !== undefined) {
		const own = ownMtu(bridge, snapshot);
		if (own < LEAST_IPV6_MTU && link !== undefined && link.mtu >= LEAST_IPV6_MTU)
			throw new NetplumbError(
				"conflict",
				`host ${snapshot.hostName}: mtu: found none, and a port with the MTU ${own} in bridge "${name}", expected one to be declared, because the bridge would follow its ports below the ${LEAST_IPV6_MTU} of IPv6; declare it, or raise the MTU of the port`,
			);
		operations.push(releaseMtu(name, own));
	}
	operations.push(...planOwnPort(wish, args, name, userspace, adopted, snapshot, uplinks));
	return [...operations, ...uplinks.operations];
}

/** The bridge's own port: addresses, link state, and no IPv6 on the host's side unless an IPv6 address is declared. */
function planOwnPort(
	wish: Wish<OvsBridgeArgs>,
	args: OvsBridgeArgs,
	name: string,
	userspace: boolean,
	adopted: boolean,
	snapshot: Snapshot,
	uplinks: UplinkPlan,
): Operation[] {
	const link = snapshot.host.links[name];
	const operations: Operation[] = [];
	// What an uplink brought is not this function's to add or remove.
	const wanted = [...(args.addresses ?? []), ...uplinks.addresses];
	const missing = wanted.filter((address) => !link?.addresses.includes(address) && !uplinks.addresses.includes(address));
	for (const address of missing) {
		const holder = Object.values(snapshot.host.links).find(
			(other) => other.name !== name && other.addresses.some((text) => text.split("/")[0] === address.split("/")[0]),
		);
		if (holder)
			throw new NetplumbError(
				"conflict",
				`host ${snapshot.hostName}: addresses: found ${address} on interface "${holder.name}", expected it to be free; choose another address, or remove that one`,
			);
	}
	const row = typeof snapshot.ovs === "object" ? snapshot.ovs.bridges[name] : undefined;
	// What an adopted bridge had before stays with it.
	const kept = (adopted && row && keptBefore(row, snapshot)?.addresses) || [];
	const dropped = (address: string) => !wanted.includes(address) && !kept.includes(address);
	const gone = toDelete(link, (address) => dropped(address) && wish.previous?.addresses?.includes(address) === true);
	for (const cidr of gone)
		operations.push(
			operation({ verb: "address.delete", where: HOST, dev: name, cidr }, `remove address ${cidr} from bridge ${name}`),
		);
	const alias = aliasWithLinkMark(link?.alias, wish.mark);
	const fresh = !link?.up;
	const arriving = uplinks.arriving.length > 0;
	const widening = widens(link, args.mtu ?? (row && wish.previous?.mtu !== undefined ? ownMtu(row, snapshot) : 0));
	if (!adopted && (fresh || arriving || widening || missing.length > 0 || gone.length > 0)) {
		const ipv6 = wanted.some((address) => address.includes(":"));
		// accept_ra first: with IPv6 on, a container's router advertisement must never reach the host's routing.
		operations.push(
			operation(
				{ verb: "sysctl.set", where: HOST, path: ["ipv6", "conf", name, "accept_ra"], value: "0" },
				`ignore router advertisements on bridge ${name}`,
			),
		);
		operations.push(
			operation(
				{ verb: "sysctl.set", where: HOST, path: ["ipv6", "conf", name, "disable_ipv6"], value: ipv6 ? "0" : "1" },
				`switch IPv6 ${ipv6 ? "on" : "off"} on bridge ${name}`,
			),
		);
	}
	if (userspace && (fresh || arriving || missing.length > 0) && !adopted) {
		operations.push(operation({ verb: "offload.disable", where: HOST, name }, `switch checksum offload off on bridge ${name}`));
	}
	if (fresh || link?.alias !== alias) {
		operations.push(operation({ verb: "link.set", where: HOST, name, alias, up: true }, `bring bridge ${name} up`));
	}
	for (const cidr of [...missing, ...toWriteAgain(link, gone)])
		operations.push(operation({ verb: "address.add", where: HOST, dev: name, cidr }, `add address ${cidr} to bridge ${name}`));
	return operations;
}

/** What Open vSwitch chooses for a bridge without mtu_request: the least of its ports (ovs-vswitchd.conf.db(5), mtu_request). */
function ownMtu(bridge: OvsBridge, snapshot: Snapshot): number {
	const ports = bridge.ports.filter((port) => port !== bridge.name).map((port) => snapshot.host.links[port]?.mtu ?? 1500);
	return Math.min(1500, ...ports);
}

function releaseMtu(name: string, mtu: number): Operation {
	return operation({ verb: "mtu.release", name, mtu }, `give the MTU of bridge ${name} back to Open vSwitch`);
}

function planRemoval(wish: Wish<OvsBridgeArgs>, bridge: OvsBridge, ovs: Ovs, snapshot: Snapshot): Operation[] {
	const { name } = bridge;
	const mine = (port: string) => port === name || wish.marks.includes(rowMark(ovs.ports[port]?.columns ?? {}) ?? "");
	const before = keptBefore(bridge, snapshot);
	const link = snapshot.host.links[name];
	const userspace = bridge.columns["datapath_type"] === "netdev";
	const { operations: takeOut } = planUplinks({ wish, bridge: name, userspace, ovs, snapshot }, []);
	// The host's address goes back first, under the guard; the bridge is deleted when that is confirmed.
	if (takeOut.some(({ risk }) => risk !== undefined)) return takeOut;
	if (!before) {
		const foreign = bridge.ports.filter((port) => !mine(port));
		if (foreign.length > 0) {
			throw new NetplumbError(
				"conflict",
				`host ${snapshot.hostName}: bridge "${name}" still has ports that are not this resource's: found ${foreign.slice(0, 5).join(", ")}, expected none; remove them first`,
			);
		}
		return [...takeOut, operation({ verb: "bridge.delete", name }, `delete bridge ${name}`)];
	}
	const columns: Record<string, ColumnValue> = { "external_ids:netplumb": undefined, [BEFORE]: undefined };
	for (const [path, value] of Object.entries(before.columns)) columns[path] = value ?? undefined;
	const operations: Operation[] = [
		...takeOut,
		operation({ verb: "row.set", table: "Bridge", row: name, columns }, `give bridge ${name} its settings back`),
	];
	if (!sameValue(before.controllers, bridge.controllers))
		operations.push(
			operation(
				{ verb: "controller.set", bridge: name, targets: before.controllers },
				`give bridge ${name} its controllers back`,
			),
		);
	if (before.mtu !== undefined && columnAt(ovs.ports[name]?.interface ?? {}, "mtu_request") !== undefined)
		operations.push(releaseMtu(name, before.mtu));
	const ours = (address: string) => wish.previous?.addresses?.includes(address) === true && !before.addresses.includes(address);
	const gone = toDelete(link, ours);
	for (const cidr of gone)
		operations.push(
			operation({ verb: "address.delete", where: HOST, dev: name, cidr }, `remove address ${cidr} from bridge ${name}`),
		);
	for (const cidr of toWriteAgain(link, gone))
		operations.push(operation({ verb: "address.add", where: HOST, dev: name, cidr }, `keep address ${cidr} on bridge ${name}`));
	return [...operations, ...unmark(wish, name, snapshot, before.up !== false)];
}

/** The last step of giving a bridge back; alone when an earlier delete stopped before it. */
function unmark(wish: Wish<OvsBridgeArgs>, name: string, snapshot: Snapshot, up = true): Operation[] {
	const link = snapshot.host.links[name];
	if (!link || !wish.marks.includes(linkMark(link) ?? "")) return [];
	const alias = aliasWithLinkMark(link.alias, undefined);
	const change = { verb: "link.set", where: HOST, name, alias, ...(up ? {} : { up }) } as const;
	return [operation(change, `take the owner mark off bridge ${name}`)];
}

function before(bridge: OvsBridge, columns: Record<string, ColumnValue>, addresses: string[], mtu: number | undefined): Before {
	const kept = Object.keys(columns).filter((path) => !path.startsWith("external_ids:netplumb"));
	const old = Object.fromEntries(kept.map((path) => [path, columnAt(bridge.columns, path) ?? null]));
	return { columns: old, controllers: bridge.controllers, addresses, mtu };
}

function keptBefore(bridge: OvsBridge, { hostName }: Snapshot): Before | undefined {
	return remembered<Before>(bridge, BEFORE, hostName);
}

function refuseForeign(hostName: string, name: string, owner: string | undefined, adopt: boolean): void {
	if (owner !== undefined)
		throw new NetplumbError(
			"conflict",
			`host ${hostName}: name: found bridge "${name}" of another netplumb resource (${owner}), expected the name to be free; choose another name`,
		);
	if (!adopt)
		throw new NetplumbError(
			"conflict",
			`host ${hostName}: name: found a bridge "${name}" that netplumb did not make, expected the name to be free; choose another name, or set adopt: true to take it over`,
		);
}
