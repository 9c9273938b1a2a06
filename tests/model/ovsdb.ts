// A model of Open vSwitch: rows of bridges and ports, as ovs-vsctl makes and shows them.
import type { ColumnValue } from "../../provider/host/change";
import type { Ovs, OvsBridge, OvsPort, OvsValue, Snapshot } from "../../provider/host/snapshot";
import { derivedMac } from "../../sdk/addressing/index";
import { dropLink, refuse } from "./kernel";

export function ovsOf(snapshot: Snapshot): Ovs {
	return typeof snapshot.ovs === "string" ? refuse(snapshot.ovs) : snapshot.ovs;
}

function newPort(snapshot: Snapshot, bridge: string, name: string): OvsPort {
	return {
		name,
		bridge,
		columns: { name, tag: [], trunks: [], vlan_mode: [], protected: false, other_config: {}, external_ids: {} },
		interface: {
			name,
			type: "",
			options: {},
			ofport: snapshot.host.links[name] ? 1 : -1,
			error: snapshot.host.links[name] ? [] : `could not open network device ${name} (No such device)`,
			mtu_request: [],
			external_ids: {},
		},
	};
}

export function addBridge(snapshot: Snapshot, name: string, index: number): void {
	const ovs = ovsOf(snapshot);
	if (ovs.bridges[name]) refuse(`cannot create a bridge named ${name} because a bridge named ${name} already exists`);
	if (ovs.ports[name]) refuse(`cannot create a bridge named ${name} because a port named ${name} already exists`);
	if (snapshot.host.links[name]) refuse(`could not add network device ${name} to ofproto (File exists)`);
	snapshot.host.links[name] = {
		name,
		index,
		kind: "openvswitch",
		mac: derivedMac(`bridge ${name}`),
		mtu: 1500,
		up: false,
		addresses: [],
	};
	const columns: Record<string, OvsValue> = {
		name,
		datapath_type: "",
		datapath_id: `0000${derivedMac(name).replaceAll(":", "")}`,
		fail_mode: [],
		stp_enable: false,
		rstp_enable: false,
		mcast_snooping_enable: false,
		protocols: [],
		other_config: {},
		external_ids: {},
	};
	ovs.bridges[name] = { name, ports: [name], columns, controllers: [] };
	ovs.ports[name] = newPort(snapshot, name, name);
	ovs.ports[name].interface["type"] = "internal";
}

export function deleteBridge(snapshot: Snapshot, name: string): void {
	const ovs = ovsOf(snapshot);
	const bridge = ovs.bridges[name];
	if (!bridge) return;
	for (const port of [...bridge.ports]) if (port !== name) deletePort(snapshot, name, port);
	delete ovs.ports[name];
	delete ovs.bridges[name];
	dropLink(snapshot.host, name);
}

export function addPort(snapshot: Snapshot, bridgeName: string, name: string): void {
	const ovs = ovsOf(snapshot);
	const bridge = ovs.bridges[bridgeName] ?? refuse(`no bridge named ${bridgeName}`);
	if (ovs.ports[name]) refuse(`cannot create a port named ${name} because a port named ${name} already exists`);
	ovs.ports[name] = newPort(snapshot, bridgeName, name);
	bridge.ports.push(name);
	const link = snapshot.host.links[name];
	if (link?.master !== undefined) ovs.ports[name].interface["error"] = `${name}: Device or resource busy`;
	else if (link && bridge.columns["datapath_type"] !== "netdev") link.master = "ovs-system";
}

export function deletePort(snapshot: Snapshot, bridgeName: string, name: string): void {
	const ovs = ovsOf(snapshot);
	const port = ovs.ports[name];
	if (!port) return;
	const bridge = ovs.bridges[bridgeName] ?? refuse(`no bridge named ${bridgeName}`);
	if (port.bridge !== bridgeName) refuse(`bridge ${bridgeName} does not have a port ${name}`);
	bridge.ports = bridge.ports.filter((other) => other !== name);
	delete ovs.ports[name];
	const link = snapshot.host.links[name];
	if (link?.master === "ovs-system") delete link.master;
}

/** A tunnel needs no device. Two of one configuration cannot be told apart (ovs-vswitchd.conf.db(5), "Tunnel Options"). */
function setUpTunnel(ovs: Ovs, port: OvsPort): void {
	const config = ({ interface: { type, options } }: OvsPort) => JSON.stringify([type, Object.entries(options as object).sort()]);
	const same = Object.values(ovs.ports).some((other) => other !== port && config(other) === config(port));
	port.interface["error"] = same ? `could not add network device ${port.name} to ofproto (File exists)` : [];
	port.interface["ofport"] = same ? -1 : 1;
}

export function setRow(
	snapshot: Snapshot,
	table: "Bridge" | "Port" | "Interface",
	row: string,
	columns: Record<string, ColumnValue>,
): void {
	const ovs = ovsOf(snapshot);
	const found: OvsBridge | OvsPort =
		(table === "Bridge" ? ovs.bridges[row] : ovs.ports[row]) ?? refuse(`no row "${row}" in ${table}`);
	const values = table === "Interface" ? (found as OvsPort).interface : found.columns;
	for (const [path, value] of Object.entries(columns)) {
		const at = path.indexOf(":");
		const column = at < 0 ? path : path.slice(0, at);
		if (!(column in values)) refuse(`${table} does not contain a column whose name matches "${column}"`);
		if (at >= 0) {
			const map = { ...(values[column] as Record<string, string>) };
			if (value === undefined) delete map[path.slice(at + 1)];
			else map[path.slice(at + 1)] = String(value);
			values[column] = map;
		} else if (Array.isArray(value)) values[column] = value.length === 1 ? value[0]! : [...value];
		else values[column] = value ?? (typeof values[column] === "boolean" ? false : []);
	}
	if (table === "Interface" && "type" in columns) setUpTunnel(ovs, found as OvsPort);
	const link = snapshot.host.links[row];
	if (!link) return;
	if ("datapath_type" in columns)
		for (const name of ovs.bridges[row]!.ports) {
			const member = snapshot.host.links[name];
			if (member?.master === "ovs-system" && columns["datapath_type"] === "netdev") delete member.master;
		}
	// An internal port without an MTU of its own follows the other ports; here they are all 1500.
	if ("mtu_request" in columns) link.mtu = typeof columns["mtu_request"] === "number" ? columns["mtu_request"] : 1500;
	if ("other_config:hwaddr" in columns) link.mac = String(columns["other_config:hwaddr"] ?? derivedMac(`bridge ${row}`));
}
