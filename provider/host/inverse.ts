// The undo of a change, from the snapshot that it was planned on.
import { toWriteAgain } from "../kinds/addresses";
import type { Change, ColumnValue } from "./change";
import { HOST } from "./change";
import { fitsIpLine } from "./encode";
import { ownerOf } from "./flows";
import { containerOf } from "./index-of";
import { inverseRecord } from "./records";
import type { Namespace, OvsValue, Route, Snapshot } from "./snapshot";

/** The changes that take back `change`; empty where the thing it belongs to did not exist before and is taken back itself. */
export function inverse(change: Change, before: Snapshot): Change[] {
	switch (change.verb) {
		case "link.add":
			return [{ verb: "link.delete", where: change.where, name: change.name }];
		case "link.delete":
			return []; // Only broken or unwanted links are ever deleted; the next plan decides what to build again.
		case "link.set": {
			const link = namespaceOf(before, change.where)?.links[change.name];
			if (!link) return [];
			const undo: Change = { verb: "link.set", where: change.where, name: change.name };
			if (change.mtu !== undefined) undo.mtu = link.mtu;
			if (change.mac !== undefined) undo.mac = link.mac;
			if (change.alias !== undefined && fitsIpLine(link.alias ?? "")) undo.alias = link.alias ?? "";
			if (change.up !== undefined) undo.up = link.up;
			if (change.group !== undefined) undo.group = link.group ?? 0;
			// A port of Open vSwitch is in no Linux bridge: its master comes back with its port.
			if (change.master !== undefined) undo.master = link.master === "ovs-system" ? null : (link.master ?? null);
			return [undo];
		}
		case "address.add":
			return hasAddress(change, before)
				? []
				: [{ verb: "address.delete", where: change.where, dev: change.dev, cidr: change.cidr }];
		case "address.delete": {
			const namespace = namespaceOf(before, change.where);
			const link = namespace?.links[change.dev];
			// The kernel may have deleted more along with it: see kinds/addresses.ts.
			const { where, dev, announce } = change;
			const again = (cidr: string): Change => {
				const words = link?.details?.[cidr]?.words;
				return { verb: "address.add", where, dev, cidr, ...(words ? { words } : {}) };
			};
			const along = toWriteAgain(link, [change.cidr]).map(again);
			const v6 = change.cidr.includes(":");
			const routes = (namespace?.routes ?? []).filter(
				({ dev, to, protocol }) => dev === change.dev && to.includes(":") === v6 && protocol !== "kernel",
			);
			return [
				again(change.cidr),
				...along,
				...routes.map((route): Change => ({ verb: "route.add", where, route })),
				...(announce === undefined ? [] : [{ verb: "announce", where, dev, mac: announce, optional: true } as const]),
			];
		}
		case "route.add": {
			const old = routeInPlaceOf(change, before);
			return [old ? { ...change, route: old } : { ...change, verb: "route.delete" }];
		}
		case "route.delete":
			return [{ ...change, verb: "route.add" }];
		case "sysctl.set": {
			const [family, , dev = "", key] = change.path;
			if (key === "route_localnet" && typeof before.firewall === "object")
				return dev in before.firewall.routeLocalnet ? [{ ...change, value: before.firewall.routeLocalnet[dev] ? "1" : "0" }] : [];
			const namespace = namespaceOf(before, change.where);
			if (family === "ipv4" && key === "arp_ignore") {
				const was = namespace?.arpIgnore?.[dev];
				return was === undefined ? [] : [{ ...change, value: was }];
			}
			const was = family === "ipv6" && key === "disable_ipv6" ? namespace?.ipv6Disabled[dev] : undefined;
			return was === undefined ? [] : [{ ...change, value: was ? "1" : "0" }];
		}
		case "bridge.add":
			return [{ ...change, verb: "bridge.delete" }];
		case "port.add":
			return [{ ...change, verb: "port.delete" }];
		case "port.delete": {
			const port = typeof before.ovs === "object" ? before.ovs.ports[change.name] : undefined;
			if (!port) return [];
			const columns: Record<string, ColumnValue> = {};
			for (const name of ["tag", "trunks", "vlan_mode", "protected"]) {
				const value = plain(port.columns[name]);
				if (value !== undefined) columns[name] = value;
			}
			for (const map of ["other_config", "external_ids"]) Object.assign(columns, keyed(map, port.columns[map]));
			const type = plain(port.interface["type"]);
			const tunnel = { type, ...keyed("options", port.interface["options"]) };
			// Of the external_ids, only what says which port of OVN it is: the others are ovn-controller's own.
			const iface = "external_ids:iface-id";
			const ofOvn = { [iface]: columnAt(port.interface, iface) };
			return [
				{ ...change, verb: "port.add" },
				...(type ? [{ verb: "row.set" as const, table: "Interface" as const, row: change.name, columns: tunnel }] : []),
				...(ofOvn[iface] === undefined
					? []
					: [{ verb: "row.set" as const, table: "Interface" as const, row: change.name, columns: ofOvn }]),
				{ verb: "row.set", table: "Port", row: change.name, columns },
				...flowsAbout(change, before),
			];
		}
		case "row.set": {
			const old = rowOf(before, change.table, change.row);
			if (!old) return [];
			const columns: Record<string, ColumnValue> = {};
			for (const path of Object.keys(change.columns)) columns[path] = columnAt(old, path);
			return [{ ...change, columns }];
		}
		case "mtu.release": {
			const requested = columnAt(rowOf(before, "Interface", change.name) ?? {}, "mtu_request");
			return [{ verb: "row.set", table: "Interface", row: change.name, columns: { mtu_request: requested } }];
		}
		case "controller.set": {
			const bridge = typeof before.ovs === "object" ? before.ovs.bridges[change.bridge] : undefined;
			return bridge ? [{ ...change, targets: bridge.controllers }] : [];
		}
		case "flows.set": {
			const flows = before.flows?.[change.bridge]?.filter((flow) => ownerOf(flow) === change.owner) ?? [];
			return [{ ...change, flows }];
		}
		case "ruleset.write":
			return typeof before.firewall === "object" && before.firewall.table ? [] : [{ verb: "ruleset.delete" }];
		case "ruleset.delete":
			return [{ verb: "ruleset.write", chains: [] }];
		case "element.add":
			return [{ ...change, verb: "element.delete" }];
		case "element.delete":
			return [{ ...change, verb: "element.add" }];
		case "docker-user.add":
			return [{ ...change, verb: "docker-user.delete" }];
		case "docker-user.delete":
			return [{ ...change, verb: "docker-user.add" }];
		case "record.add":
		case "record.set":
		case "record.remove":
		case "record.discard":
			return inverseRecord(change, before);
		case "bridge.delete":
		case "chassis.wait":
		case "chassis.leave": // ovn-controller comes back with its settings, and makes itself known again
		case "offload.disable":
		case "announce":
		case "fdb.flush":
		case "conntrack.flush":
		case "desired.set": // put in place only when all is done
		case "desired.remove":
			return [];
	}
}

/** Whether it puts an address or a route in the place of one that is there. */
export function replaces(change: Change, before: Snapshot): boolean {
	if (change.verb === "address.add") return hasAddress(change, before);
	return change.verb === "route.add" && routeInPlaceOf(change, before) !== undefined;
}

function hasAddress({ where, dev, cidr }: { where: string; dev: string; cidr: string }, before: Snapshot): boolean {
	return namespaceOf(before, where)?.links[dev]?.addresses.includes(cidr) === true;
}

/** The route that the kernel would replace by it, whatever its device: so it is for both families. */
function routeInPlaceOf({ where, route }: { where: string; route: Route }, before: Snapshot): Route | undefined {
	const isSame = ({ to, metric, table }: Route) => to === route.to && metric === route.metric && table === route.table;
	return namespaceOf(before, where)?.routes.find(isSame);
}

/** Flows name their port, and so can only come back after it. */
function flowsAbout({ bridge, name }: { bridge: string; name: string }, before: Snapshot): Change[] {
	const flows = before.flows?.[bridge] ?? [];
	const owners = new Set(flows.filter(({ port }) => port === name).map(ownerOf));
	return [...owners].map((owner) => ({
		verb: "flows.set",
		bridge,
		owner,
		flows: flows.filter((flow) => ownerOf(flow) === owner),
	}));
}

export function namespaceOf(snapshot: Snapshot, where: string): Namespace | undefined {
	return where === HOST ? snapshot.host : containerOf(snapshot, where)?.namespace;
}

export function rowOf(
	snapshot: Snapshot,
	table: "Bridge" | "Port" | "Interface",
	row: string,
): Record<string, OvsValue> | undefined {
	if (typeof snapshot.ovs === "string") return undefined;
	if (table === "Bridge") return snapshot.ovs.bridges[row]?.columns;
	return table === "Port" ? snapshot.ovs.ports[row]?.columns : snapshot.ovs.ports[row]?.interface;
}

/** The value at "column" or "column:key", as a change would set it; undefined where it is empty. */
export function columnAt(columns: Record<string, OvsValue>, path: string): ColumnValue {
	const separator = path.indexOf(":");
	if (separator < 0) return plain(columns[path]);
	const map = columns[path.slice(0, separator)] as Record<string, string> | undefined;
	return map?.[path.slice(separator + 1)];
}

/** OVSDB prints an optional column as a set of none or one; we say undefined or the value. */
function plain(value: OvsValue | undefined): ColumnValue {
	if (Array.isArray(value)) return value.length ? value : undefined;
	return typeof value === "object" ? undefined : value;
}

function keyed(column: string, map: OvsValue | undefined): Record<string, string> {
	return Object.fromEntries(
		Object.entries((map ?? {}) as Record<string, string>).map(([key, value]) => [`${column}:${key}`, value]),
	);
}
