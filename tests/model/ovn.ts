// A model of OVN's databases: rows, and references that hold them, as ovn-nbctl makes and shows them.
import type { Change, ColumnValue } from "../../provider/host/change";
import { columnAt } from "../../provider/host/inverse";
import { databaseId } from "../../provider/host/records";
import type { OvsValue, RecordParent, Snapshot, Tables } from "../../provider/host/snapshot";
import { refuse } from "./kernel";
import { deletePort, ovsOf, setRow } from "./ovsdb";

type Row = Record<string, OvsValue>;
type OvnChange = Extract<Change, { verb: `record.${string}` | `chassis.${string}` }>;

/** An empty row of each table. */
const EMPTY: Record<string, Row> = {
	Logical_Switch: { name: "", ports: [], acls: [], dns_records: [], external_ids: {} },
	Logical_Switch_Port: {
		name: "",
		type: "",
		addresses: [],
		port_security: [],
		options: {},
		tag: [],
		dhcpv4_options: [],
		external_ids: {},
	},
	Logical_Router: { name: "", ports: [], static_routes: [], nat: [], load_balancer: [], external_ids: {} },
	Logical_Router_Port: { name: "", mac: "", networks: [], gateway_chassis: [], options: {}, external_ids: {} },
	Gateway_Chassis: { name: "", chassis_name: "", priority: 0, external_ids: {} },
	Logical_Router_Static_Route: { ip_prefix: "", nexthop: "", external_ids: {} },
	NAT: { type: "", external_ip: "", logical_ip: "", external_ids: {} },
	Load_Balancer: { name: "", protocol: [], vips: {}, external_ids: {} },
	DHCP_Options: { cidr: "", options: {}, external_ids: {} },
	ACL: { direction: "", priority: 0, match: "", action: "", external_ids: {} },
	DNS: { records: {}, external_ids: {} },
	Connection: { target: "", external_ids: {} },
	SSL: { private_key: "", certificate: "", ca_cert: "", external_ids: {} },
	NB_Global: { connections: [], ssl: [], external_ids: {} },
	SB_Global: { connections: [], ssl: [], external_ids: {} },
	Open_vSwitch: { ssl: [], external_ids: {} },
};
const REFERENCES = [
	...["ports", "acls", "dns_records", "dhcpv4_options", "connections", "ssl"],
	...["static_routes", "nat", "load_balancer", "gateway_chassis"],
];
/** The rows that go with the one row that refers to them. */
const HELD = [
	["Logical_Switch_Port", "ports"],
	["Logical_Router_Port", "ports"],
	["ACL", "acls"],
	["Logical_Router_Static_Route", "static_routes"],
	["NAT", "nat"],
	["Gateway_Chassis", "gateway_chassis"],
] as const;
/** Tables in which a name is given once. */
const NAMED = ["Logical_Switch_Port", "Logical_Router_Port", "Gateway_Chassis"];

let count = 0;
const uuid = () => `00000000-0000-4000-8000-${String(++count).padStart(12, "0")}`;

/** Databases in which somebody else has a network already. */
export function databases(): Record<string, Tables> {
	const global = (table: string) => ({ [table]: { [uuid()]: structuredClone(EMPTY[table]!) } });
	const north: Tables = {
		Logical_Switch: {},
		Logical_Switch_Port: {},
		ACL: {},
		DNS: {},
		DHCP_Options: {},
		Logical_Router: {},
		Logical_Router_Port: {},
		Gateway_Chassis: {},
		Logical_Router_Static_Route: {},
		NAT: {},
		Load_Balancer: {},
		Connection: {},
		SSL: {},
		...global("NB_Global"),
	};
	const south: Tables = { Connection: {}, SSL: {}, ...global("SB_Global") };
	const local: Tables = { SSL: {}, ...global("Open_vSwitch") };
	const theirs = uuid();
	north["Logical_Switch"]![theirs] = { ...structuredClone(EMPTY["Logical_Switch"]!), name: "theirs" };
	add(north, "Logical_Switch_Port", { name: "their-port" }, { table: "Logical_Switch", row: theirs, column: "ports" });
	// One that answers DHCP questions for its ports.
	const served = uuid();
	const mark = { "external_ids:netplumb": "shop/prod/served-0123456789", "external_ids:netplumb-row": "dhcp" };
	const [cidr, external_ids] = ["10.72.0.0/24", { netplumb: mark["external_ids:netplumb"], "netplumb-row": "switch" }];
	north["Logical_Switch"]![served] = { ...structuredClone(EMPTY["Logical_Switch"]!), name: "served", external_ids };
	add(north, "DHCP_Options", { cidr, "options:router": "10.72.0.1", ...mark });
	const router = { name: "their-router", ports: [], static_routes: [], nat: [], load_balancer: [], external_ids: {} };
	north["Logical_Router"]![uuid()] = router;
	const [at, networks] = [{ table: "Logical_Router", row: "their-router" }, ["10.99.0.1/24"]];
	add(north, "Logical_Router_Port", { name: "their-leg", mac: "02:00:00:00:00:99", networks }, { ...at, column: "ports" });
	add(north, "NAT", { type: "snat", external_ip: "192.0.2.9", logical_ip: "10.99.0.0/24" }, { ...at, column: "nat" });
	add(south, "Connection", { target: "ptcp:6699:192.0.2.7" }, { table: "SB_Global", row: ".", column: "connections" });
	return { "ovn-nbctl": north, "ovn-sbctl": south, "ovs-vsctl": local };
}

function find(tables: Tables, table: string, row: string): Row {
	const rows = tables[table] ?? refuse(`no table ${table}`);
	if (row === ".") return Object.values(rows)[0]!;
	const named = Object.values(rows).filter(({ name }) => name === row);
	if (named.length > 1) refuse(`multiple rows in ${table} match "${row}"`);
	return rows[row] ?? named[0] ?? refuse(`no row "${row}" in table ${table}`);
}

function assign(row: Row, columns: Record<string, ColumnValue>): void {
	for (const [path, value] of Object.entries(columns)) {
		const [column = "", ...key] = path.split(":");
		if (!(column in row)) refuse(`no column ${column}`);
		if (key.length === 0) row[column] = Array.isArray(value) ? (value.length === 1 ? value[0]! : [...value]) : (value ?? []);
		else {
			const map = { ...(row[column] as Record<string, string>) };
			if (value === undefined) delete map[key.join(":")];
			else map[key.join(":")] = String(value);
			row[column] = map;
		}
	}
}

function add(
	tables: Tables,
	table: string,
	columns: Record<string, ColumnValue>,
	parent?: RecordParent,
	holders: RecordParent[] = [],
): void {
	const row = structuredClone(EMPTY[table] ?? refuse(`no table ${table}`));
	assign(row, columns);
	if (NAMED.includes(table) && Object.values(tables[table]!).some(({ name }) => name === row["name"]))
		refuse(`two rows in ${table} have identical values "${row["name"]}" for the index on column name`);
	const id = uuid();
	tables[table]![id] = { _uuid: id, ...row };
	for (const { table, row, column } of parent ? [parent, ...holders] : holders) {
		const holder = find(tables, table, row);
		const held = [holder[column] ?? []].flat() as string[];
		if (["ssl", "dhcpv4_options"].includes(column) && held.length > 0) refuse(`at most one value is allowed in column ${column}`);
		holder[column] = printed([...held, id]);
	}
}

/** A set of one is printed as its element. */
const printed = (set: string[]): OvsValue => (set.length === 1 ? set[0]! : set);

/** A row goes, and with it the rows that only it referred to. */
function drop(tables: Tables, table: string, id: string): void {
	const row = tables[table]?.[id];
	if (!row) return;
	delete tables[table]![id];
	for (const rows of Object.values(tables))
		for (const holder of Object.values(rows))
			for (const column of REFERENCES)
				if (column in holder) holder[column] = printed(([holder[column] ?? []].flat() as string[]).filter((one) => one !== id));
	for (const [child, column] of HELD) for (const one of [row[column] ?? []].flat() as string[]) drop(tables, child, one);
}

export function apply(snapshot: Snapshot, change: OvnChange): void {
	if (change.verb === "chassis.wait") {
		const [row] = Object.values((snapshot.databases!["ovs-vsctl"] as Tables)["Open_vSwitch"]!);
		if (columnAt(row!, "external_ids:ovn-remote") === undefined) refuse("ovn-controller is not connected");
		snapshot.chassis = "connected";
		return;
	}
	if (change.verb === "chassis.leave") {
		for (const port of change.ports) deletePort(snapshot, ovsOf(snapshot).ports[port]?.bridge ?? change.bridge, port);
		assign(find(snapshot.databases!["ovs-vsctl"] as Tables, "Open_vSwitch", change.row), {
			"external_ids:netplumb": undefined,
			"external_ids:netplumb-before": undefined,
		});
		for (const id of change.ids) setRow(snapshot, "Bridge", change.bridge, { [`external_ids:${id}`]: undefined });
		if (change.datapath !== undefined) setRow(snapshot, "Bridge", change.bridge, { datapath_type: change.datapath });
		return;
	}
	const tables = snapshot.databases?.[databaseId(change.database)];
	if (typeof tables !== "object") refuse("the database does not answer");
	else applyRecord(snapshot, tables, change);
}

function applyRecord(snapshot: Snapshot, tables: Tables, change: Extract<OvnChange, { verb: `record.${string}` }>): void {
	switch (change.verb) {
		case "record.add":
			add(tables, change.table, change.columns, change.parent, change.holders);
			break;
		case "record.set":
			assign(find(tables, change.table, change.row), change.columns);
			controller(snapshot, change.columns);
			break;
		case "record.remove":
			drop(tables, change.table, change.row);
			break;
		case "record.discard":
			for (const [id, row] of Object.entries(tables[change.table] ?? {}))
				if (Object.entries(change.marks).every(([path, value]) => columnAt(row, path) === value)) drop(tables, change.table, id);
	}
}

/** ovn-controller gives its bridge the datapath that it is told, and leaves it when it is told none. */
function controller(snapshot: Snapshot, columns: Record<string, ColumnValue>): void {
	const datapath = columns["external_ids:ovn-bridge-datapath-type"];
	if (datapath !== undefined && ovsOf(snapshot).bridges["br-int"])
		setRow(snapshot, "Bridge", "br-int", { datapath_type: datapath });
}

type Keep = (mark: string | undefined) => boolean;

/** Rows by what is in them, references by what they lead to: the numbers that a database deals out mean nothing. */
export function essenceOf({ databases = {} }: Snapshot, keep: Keep) {
	return Object.fromEntries(
		Object.entries(databases).map(([name, tables]) => [name, typeof tables === "string" ? tables : rowsOf(tables, keep)]),
	);
}

function rowsOf(tables: Tables, keep: Keep) {
	const all = new Map(Object.values(tables).flatMap((rows) => Object.entries(rows)));
	const marked = (row: Row) => keep((row["external_ids"] as Record<string, string>)["netplumb"]);
	const text = (id: string): string => {
		const { _uuid, ...row } = all.get(id) ?? {};
		const leads = (column: string) =>
			([row[column] ?? []].flat() as string[])
				.filter((one) => all.has(one) && marked(all.get(one)!))
				.map(text)
				.sort();
		const entries = Object.entries(row).map(([column, value]) => {
			if (REFERENCES.includes(column)) return [column, leads(column)];
			if (typeof value === "object" && !Array.isArray(value)) return [column, Object.entries(value).sort()];
			return [
				column,
				[value]
					.flat()
					.map(String)
					.filter((one) => one !== "")
					.sort(),
			];
		});
		return JSON.stringify(entries);
	};
	const shown = Object.entries(tables).map(([table, rows]) => [
		table,
		Object.entries(rows)
			.filter(([, row]) => marked(row))
			.map(([id]) => text(id))
			.sort(),
	]);
	return Object.fromEntries(shown);
}
